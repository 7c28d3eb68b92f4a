import { isFlat } from "./figures.ts";
import { checked, settled, sharedMemory, usage, type Side } from "./sides.ts";

const minutes = 10;

/** Ten minutes of registrations and calls: shared memory and the container's memory have to stay level. Resolves to whether they do. */
export async function soak(side: Side): Promise<boolean> {
  const readings: Record<
    "shared memory" | "memory of Kamailio's container" | "memory of MariaDB's container",
    number[]
  > = {
    "shared memory": [],
    "memory of Kamailio's container": [],
    "memory of MariaDB's container": [],
  };
  // Runs of some ten seconds: memory is read between them, when no call is up.
  const end = performance.now() + minutes * 60_000;
  for (let run = 0; performance.now() < end; run++) {
    const scenario = run % 2 === 0 ? "call" : "register";
    await checked(side, { scenario, rate: scenario === "call" ? 50 : 300, seconds: 9, holdMs: 1000 });
    await settled(side);
    readings["shared memory"].push(await sharedMemory(side));
    readings["memory of Kamailio's container"].push((await usage(side.kamailio)).memory);
    readings["memory of MariaDB's container"].push((await usage(side.mariadb)).memory);
  }
  let level = true;
  for (const [what, values] of Object.entries(readings)) {
    const flat = isFlat(values, { share: 0.05, least: 2 * 1024 * 1024 });
    level &&= flat;
    const shown = values.filter((_, index) => index % 8 === 7).map((bytes) => (bytes / 1024 / 1024).toFixed(1));
    console.log(`${flat ? "level " : "GROWS "} ${what} over ${minutes} minutes, MiB: ${shown.join(" ")}`);
  }
  return level;
}
