import { join } from "node:path";
import { done, made } from "../made.ts";
import { plain } from "./plain.ts";

const here = join(import.meta.dir, "fastapi");

export const fastapi = plain(
  {
    name: "FastAPI, SQLAlchemy",
    about:
      "the same as Drizzle, plain, in Python: uvicorn with one process, aiosqlite, the signature checked, every commit on the disk before the reply",
    onlyFull: true,
  },
  async () => {
    const packages = join(here, "requirements.txt");
    const place = await made("fastapi", [packages], async (folder) => {
      if (Bun.which("python3") === null) throw new Error("there is no python3");
      await done(["python3", "-m", "venv", folder], folder);
      const python = join(folder, "bin", "python");
      await done([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", packages], folder);
    });
    return place === undefined ? undefined : [join(place, "bin", "python"), "-B", join(here, "server.py")];
  },
);
