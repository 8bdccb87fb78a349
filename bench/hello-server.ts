/* The least a server on Bun is: compiled, the yardstick for the start. */

const { port } = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("hello") });
console.log(`listening on 127.0.0.1:${port}`);
