import { answer, api } from "../api.ts";
import { type Loaded, useLoaded } from "../loaded.ts";
import { Chips } from "../parts/basics.tsx";
import { byState, plain } from "../words.ts";

type Counts = Awaited<ReturnType<typeof read>>;

const read = () => answer(api.operate.v1.sources.counts.$get());

/** How many sources there are, and in which states. */
export function useCounts(): Loaded<Counts> {
  return useLoaded("counts", read, { on: ({ type }) => /^(source|task)\./.test(type) });
}

/** A chip for every state there is a source in, and for the one that is chosen. */
export function StateChips({ counts: { count, states }, now, href }: StateChipsProps) {
  const isThere = typeof now !== "string" || states.some(({ state }) => state === now);
  return (
    <Chips
      label="Sources by state"
      chips={[
        { text: "all", count, href: href(""), isOn: now === null },
        ...byState([...states, ...(isThere ? [] : [{ state: now, count: 0 }])]).map(({ state, count }) => ({
          text: plain(state),
          word: state,
          count,
          href: href(state),
          isOn: state === now,
        })),
      ]}
    />
  );
}
interface StateChipsProps {
  counts: Counts;
  /** The state that is chosen; null: all; undefined: this is no choice. */
  now: string | null | undefined;
  /** The address of a state, and of all of them. */
  href: (state: string) => string;
}
