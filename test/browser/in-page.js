// Runs in the page that is tested, before anything of its own.

const channels = (color) => (/rgba?\(([^)]+)\)/.exec(color)?.[1] ?? "").split(",").map(Number);

/** WCAG 2.2, relative luminance. */
function luminance(color) {
  const [red, green, blue] = channels(color).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function behind(start) {
  for (let one = start; one !== null; one = one.parentElement) {
    const { backgroundColor } = getComputedStyle(one);
    if ((channels(backgroundColor)[3] ?? 1) > 0) return backgroundColor;
  }
  return "rgb(255, 255, 255)";
}

globalThis.inPage = {
  /** Every text that is shown, with its contrast to what is behind it. */
  contrasts: () =>
    [...document.querySelectorAll("body *")]
      .filter(
        (one) => one.checkVisibility() && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()),
      )
      .map((one) => {
        const both = [luminance(getComputedStyle(one).color), luminance(behind(one))];
        return { text: one.textContent, contrast: (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05) };
      }),
  /** What has the focus, and whether one sees that. */
  focus: () => {
    const { left, width } = document.activeElement.getBoundingClientRect();
    const seen = getComputedStyle(document.activeElement).outlineStyle !== "none" && left >= 0 && width > 0;
    return { text: document.activeElement.textContent, seen };
  },
  /** Colour and sign of a state. */
  look: (selector) => {
    const state = document.querySelector(selector);
    return [getComputedStyle(state).color, getComputedStyle(state, "::before").content];
  },
  /** Pixels by which the page is wider than its window. */
  overflow: () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
};
