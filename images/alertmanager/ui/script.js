// A page for Alertmanager's API, where the package brings none: what fires, and silences. Texts are set as text, never as HTML.
/* global document, fetch, setInterval */
"use strict";

const order = ["critical", "warning", "none"];

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

async function call(path, options) {
  const response = await fetch(`api/v2/${path}`, options);
  if (!response.ok) throw new Error(`Alertmanager answers ${response.status}: ${await response.text()}`);
  const text = await response.text();
  return text === "" ? undefined : JSON.parse(text);
}

const time = (text) => new Date(text).toLocaleString();

function labelsOf(labels) {
  return Object.entries(labels)
    .filter(([name]) => !["alertname", "severity"].includes(name))
    .map(([name, value]) => `${name}="${value}"`)
    .join(" ");
}

function stateOf({ status }) {
  if (status.silencedBy.length > 0) return "silenced";
  if (status.inhibitedBy.length > 0) return "follows from another alert";
  return "";
}

function silenceForm(alert) {
  const hours = element(
    "select",
    { ariaLabel: "Hours" },
    ...[1, 4, 24, 168].map((value) =>
      element("option", { value, textContent: value < 24 ? `${value} h` : `${value / 24} d` }),
    ),
  );
  const comment = element("input", { required: true, placeholder: "why, and who", ariaLabel: "Comment" });
  const form = element("form", {}, hours, comment, element("button", { textContent: "Silence" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const now = Date.now();
    void act("silences", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        matchers: Object.entries(alert.labels).map(([name, value]) => ({ name, value, isRegex: false, isEqual: true })),
        startsAt: new Date(now).toISOString(),
        endsAt: new Date(now + Number(hours.value) * 3_600_000).toISOString(),
        createdBy: "page",
        comment: comment.value,
      }),
    });
  });
  return form;
}

function alertArticle(alert) {
  const { labels, annotations, generatorURL, startsAt, status } = alert;
  const state = stateOf(alert);
  const link = (href, textContent) => (/^https?:/.test(href ?? "") ? [element("a", { href, textContent }), " "] : []);
  return element(
    "article",
    { className: `${labels.severity} ${status.state}` },
    element("h3", { textContent: annotations.summary ?? labels.alertname }),
    element("p", { textContent: annotations.description ?? "" }),
    element("p", { className: "labels", textContent: labelsOf(labels) }),
    element(
      "small",
      {},
      `${labels.alertname}, ${labels.severity}, since ${time(startsAt)}${state === "" ? "" : `, ${state}`} `,
      ...link(annotations.runbook_url, "runbook"),
      ...link(generatorURL, "expression"),
    ),
    ...(status.silencedBy.length > 0 ? [] : [element("br"), silenceForm(alert)]),
  );
}

function silenceArticle({ id, matchers, comment, createdBy, endsAt }) {
  const end = element("button", { textContent: "End" });
  end.addEventListener("click", () => void act(`silence/${id}`, { method: "DELETE" }));
  return element(
    "article",
    {},
    element("p", {
      className: "labels",
      textContent: matchers.map(({ name, value }) => `${name}="${value}"`).join(" "),
    }),
    element("small", { textContent: `${comment} (${createdBy}), until ${time(endsAt)} ` }),
    end,
  );
}

async function show() {
  const [alerts, silences] = await Promise.all([call("alerts"), call("silences")]);
  const rank = ({ labels }) => order.indexOf(labels.severity);
  // The one that always fires is no news.
  const shown = alerts.filter(({ labels }) => labels.alertname !== "Watchdog");
  const works = shown.length !== alerts.length;
  shown.sort((a, b) => rank(a) - rank(b) || b.startsAt.localeCompare(a.startsAt));
  const active = shown.filter(({ status }) => status.state === "active").length;
  document.title = `${active} alerts`;
  document.getElementById("summary").textContent =
    `${active} active, ${shown.length - active} suppressed, at ${new Date().toLocaleTimeString()}. ` +
    (works ? "" : "The watchdog is missing: Prometheus passes no alerts on.");
  document.getElementById("alerts").replaceChildren(...shown.map(alertArticle));
  const current = silences.filter(({ status }) => status.state !== "expired");
  document
    .getElementById("silences")
    .replaceChildren(
      ...(current.length === 0 ? [element("p", { textContent: "None." })] : current.map(silenceArticle)),
    );
}

async function attempt(action) {
  try {
    await action();
    document.getElementById("problem").textContent = "";
  } catch (error) {
    document.getElementById("problem").textContent = String(error);
  }
}

async function act(path, options) {
  await attempt(() => call(path, options).then(show));
}

void attempt(show);
// Not while somebody types: what he has written would be gone.
setInterval(() => document.activeElement?.matches("input, select") || void attempt(show), 15_000);
