import type { Child } from "hono/jsx";

/** What opens under a word; a click elsewhere or Escape closes it (see `closeMenus`). */
export function Menu({ name, children }: { name: Child; children: Child }) {
  return (
    <details class="menu">
      <summary>{name}</summary>
      <div>{children}</div>
    </details>
  );
}

export function closeMenus(): void {
  const close = (isMeant: (menu: HTMLDetailsElement) => boolean) => {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
      if (!isMeant(menu)) continue;
      menu.open = false;
      if (menu.contains(document.activeElement)) menu.querySelector("summary")?.focus();
    }
  };
  document.addEventListener("click", ({ target }) => close((menu) => !menu.contains(target as Node)));
  document.addEventListener("keydown", ({ key }) => key === "Escape" && close(() => true));
}
