// The dialog in which somebody blacks out parts of a picture and crops it, with a pointer or the keyboard.

import { all, copyOf, one } from "../shared/dom.js";
import { percent, word } from "../shared/words.js";
import { between, clamp, cut, cutOff, moved, opposite, parts, sized } from "./shapes.js";

// Presses of an arrow key that move a box across the whole picture.
const STEPS = 100;
// Pixels of the screen: if the shorter side had fewer, the picture would not be shown whole.
const NARROW = 100;
const ZOOM = 1.5;
// Pixels of the screen: a smaller box was a click, not a drag.
const TOUCHED = 4;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CORNERS = ["top left", "top right", "bottom left", "bottom right"];

// Resolves with the boxes and the part that is kept when the dialog is closed, or with null when somebody discarded
// them. Escape keeps them: sending what was meant to be covered would be worse than covering too much.
export function edit(file, { boxes, crop }) {
  return new Editor(file).ask({ boxes, crop });
}

class Editor {
  constructor(file) {
    this.window = copyOf("editor");
    this.url = URL.createObjectURL(file);
    this.sheet = one(".sheet", this.window);
    this.stage = one(".stage", this.window);
    this.picture = one("img", this.sheet);
    this.picture.src = this.url;
    // The box that has or had the focus.
    this.chosen = null;
    this.drag = null;
  }

  async ask(before) {
    document.body.append(this.window);
    try {
      await this.picture.decode();
      const { naturalWidth: width, naturalHeight: height } = this.picture;
      this.whole = { x: 0, y: 0, width, height };
      this.step = Math.max(1, Math.round(Math.max(width, height) / STEPS));
      this.past = [{ boxes: before.boxes, crop: before.crop ?? this.whole }];
      this.listen();
      this.window.showModal();
      this.fit();
      this.show();
      one(".add", this.window).focus();
      await new Promise((done) => this.window.addEventListener("close", done));
      if (this.window.returnValue === "discard") return null;
      const { boxes, crop } = this.now;
      return { boxes, crop: crop.width === width && crop.height === height ? null : crop };
    } finally {
      this.window.remove();
      URL.revokeObjectURL(this.url);
    }
  }

  get now() {
    return this.past.at(-1);
  }

  get boxes() {
    return all(".box", this.sheet);
  }

  listen() {
    one(".add", this.window).onclick = () => this.add();
    one(".take", this.window).onclick = () => this.take();
    one(".back", this.window).onclick = () => this.undo();
    one(".nearer", this.window).onclick = () => this.zoom(ZOOM);
    one(".farther", this.window).onclick = () => this.zoom(1 / ZOOM);
    this.window.onkeydown = (event) => this.key(event);
    this.sheet.onpointerdown = (event) => this.press(event);
    this.sheet.onpointermove = (event) => this.drag && this.show(this.drag(this.point(event)));
    this.sheet.onpointerup = (event) => this.drop(event);
    // A second finger touches the screen: the browser zooms.
    this.sheet.onpointercancel = () => {
      this.drag = null;
      this.show();
    };
    this.sheet.addEventListener("focusin", ({ target }) => {
      if (target.matches(".box")) this.chosen = target;
    });
  }

  // Shows the picture whole, or a very long one as wide or as high as there is room.
  fit() {
    const { width, height } = this.whole;
    const space = getComputedStyle(this.stage);
    const across = (this.stage.clientWidth - 2 * parseFloat(space.paddingLeft)) / width;
    const down = (this.stage.clientHeight - 2 * parseFloat(space.paddingTop)) / height;
    const whole = Math.min(1, across, down);
    this.scale = whole * Math.min(width, height) < NARROW ? Math.min(1, Math.max(across, down)) : whole;
    this.zoom(1);
  }

  zoom(factor) {
    const { stage } = this;
    const middle = {
      x: (stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth,
      y: (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight,
    };
    this.scale = Math.min(8, Math.max(48 / this.whole.width, this.scale * factor));
    this.sheet.style.width = `${this.whole.width * this.scale}px`;
    stage.scrollLeft = middle.x * stage.scrollWidth - stage.clientWidth / 2;
    stage.scrollTop = middle.y * stage.scrollHeight - stage.clientHeight / 2;
  }

  say(text) {
    one(".said", this.window).textContent = text;
  }

  commit(state, text) {
    this.past.push(state);
    this.show();
    this.say(text);
  }

  undo() {
    if (this.past.length === 1) return;
    this.past.pop();
    this.show();
    this.say(word("undone"));
  }

  // Draws the boxes and the crop, including the one that is being dragged.
  show(state = this.now) {
    const held = this.boxes.indexOf(document.activeElement);
    for (const box of this.boxes.slice(state.boxes.length)) box.remove();
    while (this.boxes.length < state.boxes.length)
      (this.boxes.at(-1) ?? one(".dim", this.sheet)).after(this.boxElement());
    this.boxes.forEach((element, index) => {
      this.place(element, state.boxes[index]);
      element.setAttribute("aria-label", word("box", { number: index + 1 }));
    });
    for (const element of all(".kept", this.sheet)) this.place(element, state.crop);
    for (const element of all(".cut", this.sheet)) {
      const off = cutOff(state.crop, element.dataset.edge, this.whole);
      element.setAttribute("aria-valuenow", Math.round(100 * off));
      element.setAttribute("aria-valuetext", word("cut_off", { percent: percent(off) }));
    }
    if (held >= state.boxes.length) (this.boxes.at(-1) ?? one(".add", this.window)).focus();
  }

  boxElement() {
    const element = Object.assign(document.createElement("button"), { type: "button", className: "box" });
    for (const corner of CORNERS) {
      element.append(Object.assign(document.createElement("span"), { className: `grip ${corner}` }));
    }
    return element;
  }

  place(element, box) {
    for (const [name, part] of Object.entries(parts(box, this.whole))) element.style[name] = `${100 * part}%`;
  }

  with(index, box) {
    return { ...this.now, boxes: this.now.boxes.with(index, box) };
  }

  add() {
    const { crop } = this.now;
    const side = Math.min(crop.width, crop.height) / 4;
    const box = {
      x: crop.x + crop.width / 2 - side,
      y: crop.y + (crop.height - side) / 2,
      width: 2 * side,
      height: side,
    };
    this.commit({ ...this.now, boxes: [...this.now.boxes, box] }, word("box_added"));
    this.boxes.at(-1).focus();
  }

  take() {
    const index = this.boxes.indexOf(this.chosen);
    if (index < 0) return;
    this.commit({ ...this.now, boxes: this.now.boxes.toSpliced(index, 1) }, word("box_removed"));
    (this.boxes.at(index) ?? this.boxes.at(-1) ?? one(".add", this.window)).focus();
  }

  key(event) {
    const { target, code, key, shiftKey: shift } = event;
    const command = event.ctrlKey || event.metaKey;
    const index = this.boxes.indexOf(target);
    if (command && code === "KeyZ") this.undo();
    else if (command || event.altKey) return;
    else if (code === "KeyB" && this.sheet.contains(target)) this.add();
    else if ((key === "Delete" || key === "Backspace") && index >= 0) this.take();
    else if (key in ARROWS && index >= 0) this.shift(index, ARROWS[key], shift);
    else if (key in ARROWS && target.dataset.edge) this.push(target.dataset.edge, ARROWS[key]);
    else return;
    event.preventDefault();
  }

  shift(index, [right, down], grows) {
    const box = this.now.boxes[index];
    const [wider, higher] = [right * this.step, down * this.step];
    const to = grows
      ? sized(box, wider, higher, this.whole, this.step)
      : moved(box, wider, higher, this.whole);
    this.commit(this.with(index, to), this.told(to));
    this.boxes[index].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  told(box) {
    const shown = Object.entries(parts(box, this.whole)).map(([name, part]) => [name, percent(part)]);
    return word("box_at", Object.fromEntries(shown));
  }

  push(edge, [right, down]) {
    const { crop } = this.now;
    const at = {
      x: crop.x + (edge === "right" ? crop.width : 0) + right * this.step,
      y: crop.y + (edge === "bottom" ? crop.height : 0) + down * this.step,
    };
    this.commit(this.cropped(edge, at), "");
  }

  cropped(edge, at) {
    return { ...this.now, crop: cut(this.now.crop, edge, at, this.whole, this.step) };
  }

  // The position of a pointer in pixels of the picture.
  point({ clientX, clientY }) {
    const shown = this.sheet.getBoundingClientRect();
    return {
      x: clamp((clientX - shown.left) / shown.width, 0, 1) * this.whole.width,
      y: clamp((clientY - shown.top) / shown.height, 0, 1) * this.whole.height,
    };
  }

  press(event) {
    if (!event.isPrimary || event.button) return;
    const { target } = event;
    const index = this.boxes.indexOf(target.closest(".box"));
    const from = this.point(event);
    if (target.dataset.edge) this.drag = (to) => this.cropped(target.dataset.edge, to);
    else if (index < 0) this.drag = (to) => ({ ...this.now, boxes: [...this.now.boxes, between(from, to)] });
    else {
      const box = this.now.boxes[index];
      const fixed = target.matches(".grip") && opposite(box, target.className);
      this.drag = (to) =>
        this.with(index, fixed ? between(fixed, to) : moved(box, to.x - from.x, to.y - from.y, this.whole));
    }
    event.preventDefault();
    this.from = event;
    target.closest(".box, .cut")?.focus();
    this.sheet.setPointerCapture(event.pointerId);
  }

  drop(event) {
    if (!this.drag) return;
    const state = this.drag(this.point(event));
    const far = Math.hypot(event.clientX - this.from.clientX, event.clientY - this.from.clientY);
    const added = state.boxes.length > this.now.boxes.length;
    this.drag = null;
    if (far < TOUCHED) this.show();
    else this.commit(state, word(added ? "box_added" : "changed"));
    if (added && far >= TOUCHED) this.boxes.at(-1).focus();
  }
}
