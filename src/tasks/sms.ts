import { Hono } from "hono";
import type { Env } from "../http/operation.ts";
import type { Tasks } from "./service.ts";

export const tasksSms = new Hono<Env<{ tasks: Tasks }>>();
