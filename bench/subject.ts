/*
 * What is measured: a server that polls and reports can be sent to. A new subject is a file in subjects/ and a line in
 * subjects.ts.
 */

export const works = ["poll", "report"] as const;
/** An agent's poll with nothing to do, and its report on a command it was given. */
export type Work = (typeof works)[number];

export interface Load {
  /** Whole requests, one character a byte, signed just now; sent in turn, again and again. */
  requests: string[];
  /** Which of them is the first. */
  first?: number;
  /** How many there are to send before they mean something else; absent: any number. */
  limit?: number;
  /** Replies after which a round may begin, where the first ones do more than the others. */
  warmUpReplies?: number;
}

/** What a round sent: requests answered with 2xx, and all others. */
export interface Sent {
  accepted: number;
  refused: number;
}

/** A subject that is up. */
export interface Running {
  /** HOST:PORT of its processes; connections go round them. */
  endpoints: string[];
  /** Process ids: its own, and those of a database server. */
  pids: { server: number[]; database: number[] };
  /** For the next round. */
  load(work: Work): Promise<Load>;
  /** Told after each round, whose requests were sent in turn; throws if what was accepted was not done. */
  done?(work: Work, sent: Sent): Promise<void>;
  /** Sources that can be polled, where there are many. */
  ids?: string[];
  stop(): Promise<void>;
}

export interface Subject {
  name: string;
  /** What it is, for the line below the table. */
  about: string;
  /** Takes long to come by or to measure: with --full only. */
  onlyFull?: true;
  /**
   * `env`: further environment of its server, heeded where that is one process on a file. Undefined, said aloud, where
   * this machine cannot.
   */
  start(folder: string, env?: Record<string, string>): Promise<Running | undefined>;
}
