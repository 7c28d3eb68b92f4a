// Shows what `page.json` says there is, and what Prometheus says is up. Text goes into the page as text only.

/** Seconds between two looks. */
const pause = 15;

const byId = (id) => document.getElementById(id);

/** An element with a class and what is in it. */
function element(name, className, ...content) {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  made.append(...content);
  return made;
}

async function json(address) {
  const response = await fetch(address, { cache: "no-store" });
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.json();
}

/** What Prometheus says: `job instance` → up or not. */
async function readStates() {
  const { data } = await json("api/status");
  return new Map(data.result.map(({ metric, value }) => [keyOf(metric), Number(value[1]) === 1]));
}

const keyOf = ({ job, instance }) => `${job} ${instance}`;
const wordOf = (up) => (up === undefined ? "unknown" : up ? "up" : "down");

/** Puts the page together. Returns what shows the states that it is given, and gives back their words. */
function build(page) {
  document.title = `SBC ${page.stack}`;
  byId("stack").textContent = page.stack;
  const shown = [];
  const add = (target, label) => {
    const state = element("span", "");
    shown.push({ key: keyOf(target), state, label });
    return state;
  };
  for (const { name, about, port, path, target } of page.tools) {
    const link = element("a", "", name);
    // By whatever name one has come here: the ports are on the same host.
    link.href = `https://${location.hostname}:${port}/${path}`;
    byId("tools").append(element("li", "", link, element("p", "", about), element("p", "", add(target))));
  }
  for (const { name, targets } of page.parts) {
    byId("parts").append(
      element("dt", "", name),
      element("dd", "", ...targets.map((target) => add(target, targets.length > 1 ? target.instance : undefined))),
    );
  }
  for (const { name, reason } of page.leftOut) {
    byId("left-out").append(element("dt", "", name), element("dd", "", reason));
  }
  byId("left-out-section").hidden = page.leftOut.length === 0;
  for (const { where, user, command } of page.logins) {
    const code = element("code", "", command);
    // Long commands are wrapped; who uses the keyboard can get at the text all the same.
    code.tabIndex = 0;
    byId("logins").append(
      element("dt", "", where),
      element("dd", "", element("span", "", "as ", element("strong", "", user), ", password by"), code),
    );
  }
  const show = (states) => {
    for (const { key, state, label } of shown) {
      const word = wordOf(states?.get(key));
      state.className = `state ${word}`;
      state.textContent = label === undefined ? word : `${label} ${word}`;
    }
    // A tool is among the parts as well, and counts once.
    return [...new Set(shown.map(({ key }) => key))].map((key) => wordOf(states?.get(key)));
  };
  show();
  return show;
}

function summarize(words) {
  const summary = byId("summary");
  const count = (word) => words.filter((one) => one === word).length;
  const [down, unknown] = [count("down"), count("unknown")];
  const told = [down > 0 ? `${down} down` : "", unknown > 0 ? `${unknown} unknown` : ""].filter((text) => text !== "");
  const name = unknown === words.length ? "unknown" : down > 0 ? "down" : unknown > 0 ? "some" : "up";
  const text = told.length === 0 ? "All is up" : told.join(", ");
  summary.className = `state ${name}`;
  // The same words again would be read out again.
  if (summary.textContent !== text) summary.textContent = text;
}

async function look(show) {
  try {
    summarize(show(await readStates()));
    byId("seen").textContent =
      `As of ${new Date().toLocaleTimeString()}, by Prometheus; looked at every ${pause} seconds.`;
  } catch {
    show();
    const summary = byId("summary");
    summary.className = "state unknown";
    summary.textContent = "Prometheus does not answer: nothing is known";
  }
}

async function watch(show) {
  for (;;) {
    if (!document.hidden) await look(show);
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
}

try {
  const show = build(await json("page.json"));
  document.addEventListener("visibilitychange", () => document.hidden || look(show));
  void watch(show);
} catch (error) {
  byId("summary").textContent = `This page could not be loaded: ${error.message}`;
}
