"""The tables of plain-fleet.ts, as far as the two requests go."""

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    pass


class Source(Table):
    __tablename__ = "sources"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]


class Command(Table):
    __tablename__ = "commands"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    source_id: Mapped[str]
    command_name: Mapped[str]
    state: Mapped[str]
    created_at: Mapped[int]
    first_delivered_at: Mapped[int | None]
    due_at: Mapped[int | None]
    ended_at: Mapped[int | None]
    result_digest: Mapped[str | None]


class Result(Table):
    __tablename__ = "results"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    source_id: Mapped[str]
    command_id: Mapped[str | None]
    command_name: Mapped[str]
    result: Mapped[str]
    result_detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    kind: Mapped[str]
    received_at: Mapped[int]


class Event(Table):
    __tablename__ = "events"
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    at: Mapped[int]
    type: Mapped[str]
    actor: Mapped[str]
    source_id: Mapped[str | None]
    command_id: Mapped[str | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
