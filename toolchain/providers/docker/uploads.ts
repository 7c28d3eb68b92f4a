import type { types } from "@pulumi/docker";
import { pack } from "tar-stream";
import type { Plain } from "../shared/properties.ts";
import type { Problem } from "../shared/resource.ts";
import { hasUnknown } from "../shared/unknown.ts";

type Upload = Plain<types.input.ContainerUpload>;

/** Files as one tar archive to be unpacked at `/`, with the official provider's defaults (0644, 0744, root). */
export async function tarOf(uploads: readonly Upload[]): Promise<Buffer> {
  const archive = pack();
  for (const { file, content, contentBase64, permissions, executable, owner, group } of uploads) {
    const bytes = contentBase64 ? Buffer.from(contentBase64, "base64") : Buffer.from(content ?? "");
    archive.entry(
      {
        name: file.replace(/^\/+/, ""),
        mode: parseInt(permissions ?? (executable ? "744" : "644"), 8),
        uid: Number(owner ?? 0),
        gid: Number(group ?? 0),
        mtime: new Date(),
      },
      bytes,
    );
  }
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Mistakes in uploads; the official provider would tell them only after the container has been created. */
export function uploadProblems(uploads: readonly Upload[]): Problem[] {
  return uploads.flatMap((upload, index) => {
    if (hasUnknown(upload)) return [];
    const { file, content, contentBase64, permissions, owner, group } = upload;
    const problem = (field: string, reason: string): Problem => ({ property: `uploads[${index}].${field}`, reason });
    return [
      ...((content ? 1 : 0) + (contentBase64 ? 1 : 0) === 1
        ? []
        : [problem("content", `exactly one of content and contentBase64 must be set and not empty (${file})`)]),
      ...(permissions === undefined || /^0[0-7]{3}$/.test(permissions)
        ? []
        : [problem("permissions", `must be four octal digits such as "0644", not ${JSON.stringify(permissions)}`)]),
      ...Object.entries({ owner, group }).flatMap(([field, value]) =>
        value === undefined || /^\d+$/.test(value)
          ? []
          : [problem(field, "must be a number: a name would be looked up on the machine that runs the plugin")],
      ),
    ];
  });
}
