"""server.py FILE: the two requests as one would write them with FastAPI and SQLAlchemy, one process."""

import asyncio
import hashlib
import json
import os
import sys
import time
import uuid
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy import event, or_, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from signature import is_signed
from tables import Command, Event, Result, Source

ACCESS_KEY = os.environ["ACCESS_KEY"]
SECRET_KEY = os.environ["SECRET_KEY"].encode()
ACCOUNT_ID = os.environ["ACCOUNT_ID"]

engine = create_async_engine(f"sqlite+aiosqlite:///{sys.argv[1]}", connect_args={"timeout": 30})
new_session = async_sessionmaker(engine, expire_on_commit=False)
# SQLite has one writer: those who wait their turn here need not try again and again.
writing = asyncio.Lock()


@event.listens_for(engine.sync_engine, "connect")
def set_up(connection: Any, _record: Any) -> None:
    # WAL persists in the file.
    connection.execute("PRAGMA synchronous = FULL")


async def check_signature(request: Request) -> None:
    if not is_signed(request, await request.body(), ACCESS_KEY, SECRET_KEY):
        raise HTTPException(401)


class Report(BaseModel):
    command_name: Literal["START", "STOP", "DELETE", "SYNC", "UPLOAD_LOG", "RSET_LOG_ACL"]
    result: Literal["success", "fail"]
    result_detail: dict[str, Any]


async def begin():
    async with new_session() as session:
        yield session


Session = Annotated[AsyncSession, Depends(begin)]
app = FastAPI(dependencies=[Depends(check_signature)])


async def own_source(session: AsyncSession, server_id: str) -> Source:
    source = await session.scalar(select(Source).where(Source.id == server_id, Source.account_id == ACCOUNT_ID))
    if source is None:
        raise HTTPException(404)
    return source


@app.get("/v3/sources/{server_id}/command")
async def show_command(server_id: str, session: Session) -> dict[str, str]:
    source = await own_source(session, server_id)
    is_open = (Command.source_id == source.id, Command.ended_at.is_(None))
    command = await session.scalar(select(Command).where(*is_open).order_by(Command.id).limit(1))
    return {"command_name": command.command_name if command else "TASK_NOT_STARTED"}


@app.post("/v3/sources/{server_id}/command_result")
async def update_command_result(server_id: str, report: Report, session: Session) -> dict[str, str]:
    async with writing:
        await store_report(server_id, report, session)
    return {}


async def store_report(server_id: str, report: Report, session: AsyncSession) -> None:
    """Stores a report and ends the oldest delivered command it is for, in one commit."""
    now = int(time.time() * 1000)
    source = await own_source(session, server_id)
    is_meant = (
        Command.source_id == source.id,
        Command.ended_at.is_(None),
        Command.command_name == report.command_name,
        Command.first_delivered_at.is_not(None),
        or_(Command.due_at.is_(None), Command.due_at > now),
    )
    command = await session.scalar(select(Command).where(*is_meant).order_by(Command.id).limit(1))
    kind = "matched" if command else "unsolicited"
    about = {"account_id": ACCOUNT_ID, "source_id": source.id, "command_id": command.id if command else None}
    session.add(Result(**about, **report.model_dump(), id=str(uuid.uuid4()), kind=kind, received_at=now))
    if command:
        command.state = "succeeded" if report.result == "success" else "failed"
        command.ended_at = now
        command.result_digest = hashlib.sha256(json.dumps(report.result_detail).encode()).hexdigest()
    data = {"command_name": report.command_name, "result": report.result, "kind": kind}
    made = {"id": str(uuid.uuid4()), "at": now, "type": "command.reported", "actor": ACCESS_KEY}
    session.add(Event(**about, **made, data=data))
    await session.commit()


if __name__ == "__main__":
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False)
    listening = config.bind_socket()
    print(f"listening on 127.0.0.1:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listening])
