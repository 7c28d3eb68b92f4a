const fromLine = /^(FROM\s+(?:--platform=\S+\s+)?)([a-z0-9][^\s@]*)(?:@(sha256:[0-9a-f]{64}))?(?=\s|$)/gim;

/** The images that a Dockerfile is built on, as far as they are written out: no build argument, no earlier stage. */
export function upstreamImages(dockerfile: string): { name: string; digest: string | undefined }[] {
  const stages = new Set([...dockerfile.matchAll(/^FROM\s.*\sAS\s+(\S+)/gim)].map(([, stage]) => stage));
  return [...dockerfile.matchAll(fromLine)].flatMap(([, , name = "", digest]) =>
    name === "scratch" || stages.has(name) ? [] : [{ name, digest }],
  );
}

/** A Dockerfile with `@sha256:…` behind the images whose digest is given. */
export function pinFromLines(dockerfile: string, digests: ReadonlyMap<string, string>): string {
  return dockerfile.replace(fromLine, (line, from: string, name: string) => {
    const digest = digests.get(name);
    return digest === undefined ? line : `${from}${name}@${digest}`;
  });
}
