import type { Page } from "playwright-core";

/** What sticks out of the window, to the right of what can be seen without scrolling; nothing, where all is well. */
export function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const out = [...document.querySelectorAll("body *")].filter(
      (element) =>
        element.checkVisibility() &&
        element.getBoundingClientRect().right > clientWidth &&
        !element.parentElement?.closest(".scroll, pre"),
    );
    return [`the page is ${scrollWidth} wide`, ...out.slice(0, 5).map((element) => element.outerHTML.slice(0, 160))];
  });
}
