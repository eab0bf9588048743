"""An image drop as one writes it first: Flask, a model with the encrypted bytes, a key. Kept as it is."""

import io
import os
import secrets
from datetime import UTC, datetime, timedelta

from cryptography.fernet import Fernet
from flask import Flask, abort, jsonify, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import delete, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


def in_five_minutes() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)


class Image(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "images"

    id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(unique=True, default=lambda: secrets.token_urlsafe(24))
    content_type: Mapped[str]
    data: Mapped[bytes]  # a Fernet token
    expires_at: Mapped[datetime] = mapped_column(
        db.DateTime(timezone=True), default=in_five_minutes, index=True
    )


def create_app() -> Flask:
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
    app.config["MAX_CONTENT_LENGTH"] = 20 * 1024 * 1024
    fernet = Fernet(os.environ["FERNET_KEY"])
    db.init_app(app)

    @app.cli.command("init-db")
    def init_db() -> None:
        db.create_all()

    @app.post("/upload")
    def upload() -> ResponseReturnValue:
        file = request.files.get("file")
        if file is None or file.filename == "":
            return jsonify(error="No file"), 400
        image = Image(content_type=file.mimetype, data=fernet.encrypt(file.read()))
        db.session.add(image)
        db.session.commit()
        url = url_for("image", hash=image.hash, _external=True)
        return jsonify(hash=image.hash, image_url=url), 201

    @app.get("/image/<hash>")
    def image(hash: str) -> ResponseReturnValue:  # noqa: A002
        found = db.session.scalar(
            select(Image).where(Image.hash == hash, Image.expires_at > datetime.now(UTC))
        )
        if found is None:
            abort(404)
        return send_file(io.BytesIO(fernet.decrypt(found.data)), mimetype=found.content_type)

    @app.route("/cleanup", methods=["GET", "POST"])
    def cleanup() -> ResponseReturnValue:
        db.session.execute(delete(Image).where(Image.expires_at <= datetime.now(UTC)))
        db.session.commit()
        return jsonify(status="success")

    return app
