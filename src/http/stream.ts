import type { Context } from "hono";
import { errorFields } from "../core/log.ts";
import type { Env, RouteServices } from "./operation.ts";

/**
 * A reply sent piece by piece, as fast as its reader takes it. A failure on the way breaks it off and is logged. `gone`
 * is told when nobody reads any more: for pieces that are waited for.
 */
export function streamed<Services extends object>(
  c: Context<Env<Services>>,
  contentType: string,
  pieces: AsyncGenerator<string>,
  gone?: AbortController,
): never {
  const encoder = new TextEncoder();
  const { request_id } = c.env;
  const { log }: RouteServices = c.env.services;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next = await pieces.next();
        if (next.done) controller.close();
        else controller.enqueue(encoder.encode(next.value));
      } catch (error) {
        // Its reader went while it was waited for: that is what the controller complains of.
        if (isCancelled) return;
        log("error", "a stream broke off", { request_id, ...errorFields(error) });
        controller.error(error);
      }
    },
    cancel: async () => {
      isCancelled = true;
      gone?.abort();
      await pieces.return(undefined);
    },
  });
  // `never`: the typed client knows the JSON form of the operation only.
  return c.body(body, 200, { "Content-Type": contentType }) as never;
}
