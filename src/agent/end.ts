/** Why an agent ends by itself; the command line has an exit code for each. */
export type EndReason = "usage" | "notFound" | "notSignedIn" | "refused";

/** Ends the agent with a message. */
export class AgentEnd extends Error {
  readonly reason: EndReason;

  constructor(reason: EndReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
