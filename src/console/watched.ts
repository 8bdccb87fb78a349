import { useSyncExternalStore } from "hono/jsx/dom";

/** A value that the page watches. */
export class Watched<T> {
  #value: T;
  readonly #watchers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly get = (): T => this.#value;

  readonly set = (value: T): void => {
    if (value === this.#value) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher();
  };

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  };
}

export function useWatched<T>(store: Watched<T>): T {
  return useSyncExternalStore(store.watch, store.get);
}

/** A choice that this browser keeps. */
export function kept<Choice extends string>(name: string, choices: readonly [Choice, ...Choice[]]) {
  const key = `ferry.${name}`;
  const store = new Watched<Choice>(choices.find((choice) => choice === localStorage.getItem(key)) ?? choices[0]);
  const choose = (choice: Choice) => {
    localStorage.setItem(key, choice);
    store.set(choice);
  };
  const next = () => choose(choices[(choices.indexOf(store.get()) + 1) % choices.length] ?? choices[0]);
  return { store, next };
}
