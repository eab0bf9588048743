// Uploads one image. By XMLHttpRequest, since fetch doesn't tell how much of a body has been sent.

import { elapsed } from "../shared/clock.js";
import { base, refusalOf, Refused, Unreachable } from "../shared/server.js";

export class Cancelled extends Error {}

export function upload(file, options, { sent, sealing }) {
  const request = new XMLHttpRequest();
  const form = new FormData();
  for (const [name, value] of Object.entries(options)) form.append(name, value);
  form.append("file", file);
  let arrived = null;
  const promise = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded, event.total);
    request.upload.onload = () => {
      arrived = elapsed();
      sealing();
    };
    request.onload = () => {
      if (request.status !== 201) {
        reject(refusalOf(request.status, request.responseText, request.getResponseHeader("Retry-After")));
        return;
      }
      // The lifetime begins after the last byte has arrived, so counting from here is never too long.
      try {
        const answer = JSON.parse(request.responseText);
        if (!answer.image_key) throw new TypeError("no receipt");
        resolve({ ...answer, since: arrived ?? elapsed() });
      } catch {
        // A proxy answered in the server's place.
        reject(new Refused(request.status, "server_away", 0));
      }
    };
    request.onerror = () => reject(new Unreachable());
    request.onabort = () => reject(new Cancelled());
  });
  request.open("POST", `${base}/upload`);
  request.setRequestHeader("Accept", "application/json");
  request.send(form);
  return { promise, cancel: () => request.abort() };
}
