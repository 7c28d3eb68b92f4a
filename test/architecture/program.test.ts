import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import ts from "typescript";

const root = join(import.meta.dirname, "../..");

interface Source {
  /** Path from the project's root. */
  readonly path: string;
  readonly text: string;
}

function sources(...folders: readonly string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => ({ path: `${folder}/${file}`, text: readFileSync(join(root, folder, file), "utf8") })),
  );
}

const index: Source = { path: "index.ts", text: readFileSync(join(root, "index.ts"), "utf8") };
const components = sources("components");
const configs = sources("configs");

/** Paths of the sources in which a pattern is found. */
const where = (files: readonly Source[], pattern: RegExp) =>
  files.filter(({ text }) => pattern.test(text)).map(({ path }) => path);

const parse = ({ path, text }: Source) => ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);

describe("the program", () => {
  test("makes containers in Service and Job only", () => {
    assert.deepEqual(where([index, ...components, ...configs], /new docker\.Container\(/), [
      "components/job.ts",
      "components/service.ts",
    ]);
  });

  test("uploads files into jobs only", () => {
    assert.deepEqual(where([index, ...components], /\buploads:/), ["components/job.ts"]);
  });

  test("makes images in one place", () => {
    assert.deepEqual(where([index, ...components], /new docker\.RemoteImage\(/), ["components/image.ts"]);
  });

  test("has components that register their outputs and take their type from one place", () => {
    const classes = components.filter(({ text }) => /extends pulumi\.ComponentResource/.test(text));
    assert.ok(classes.length >= 7);
    for (const { path, text } of classes) {
      assert.match(text, /super\(componentType\("/, path);
      assert.match(text, /this\.registerOutputs\(\{ /, `${path} registers no outputs`);
    }
  });

  test("has an index without logic", () => {
    const lines = index.text.split("\n").length;
    assert.ok(lines <= 150, `index.ts has ${lines} lines`);
    assert.doesNotMatch(index.text, /\bif \(|\bfor \(|\bwhile \(|\?\s.*:\s/);
  });

  test("makes no resource inside an apply", () => {
    for (const source of [index, ...components]) {
      const visit = (node: ts.Node, inApply: boolean): void => {
        if (inApply && ts.isNewExpression(node)) {
          assert.doesNotMatch(
            node.expression.getText(),
            /^(docker|random|tls)\./,
            `${source.path}: ${node.getText().slice(0, 60)}`,
          );
        }
        const applies = ts.isCallExpression(node) && /\.apply$/.test(node.expression.getText());
        ts.forEachChild(node, (child) => visit(child, inApply || applies));
      };
      visit(parse(source), false);
    }
  });
});

describe("the layers", () => {
  test("configs know no Pulumi", () => {
    assert.deepEqual(where(configs, /from "@pulumi\//), []);
  });

  test("configs know no components", () => {
    assert.deepEqual(where(configs, /from "(\.\.\/)+components\//), []);
  });

  test("components render no file: text of several lines comes from configs", () => {
    // These make messages for people and documentation, not files for containers.
    const allowed = ["components/config-docs.ts", "components/config-problems.ts", "components/job.ts"];
    const multiline = components.filter(({ text, path }) => {
      let found = false;
      const visit = (node: ts.Node): void => {
        const template = ts.isTemplateExpression(node) || ts.isNoSubstitutionTemplateLiteral(node);
        if (template && node.getText().includes("\n")) found = true;
        ts.forEachChild(node, visit);
      };
      visit(parse({ path, text }));
      return found || /\.join\("\\n"\)/.test(text);
    });
    for (const { path } of multiline) assert.ok(allowed.includes(path), `${path} renders text`);
  });
});

describe("the sources", () => {
  const all = [index, ...components, ...configs];

  test("name no image by latest", () => {
    assert.deepEqual(where(all, /:latest\b/), []);
    for (const { name: image } of readdirSync(join(root, "images"), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    )) {
      assert.doesNotMatch(readFileSync(join(root, "images", image, "Dockerfile"), "utf8"), /:latest\b/, image);
    }
  });

  test("document everything that they export", () => {
    for (const source of [...components, ...configs]) {
      for (const statement of parse(source).statements) {
        const exported =
          ts.canHaveModifiers(statement) &&
          ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
        // What is derived from a documented constant needs no words of its own.
        if (!exported || (ts.isTypeAliasDeclaration(statement) && /typeof/.test(statement.getText()))) continue;
        const documented = ts.getJSDocCommentsAndTags(statement).length > 0;
        assert.ok(documented, `${source.path}: ${statement.getText().split("\n")[0]}`);
      }
    }
  });

  test("document every argument of a component", () => {
    for (const source of components.filter(({ text }) => text.includes('from "@pulumi/pulumi"'))) {
      for (const statement of parse(source).statements) {
        if (!ts.isInterfaceDeclaration(statement) || !statement.name.text.endsWith("Args")) continue;
        for (const member of statement.members) {
          const name = member.name?.getText() ?? "";
          // The same in every component.
          if (["defaults", "networks", "addresses", "image", "plane", "rows"].includes(name)) continue;
          const { text } = source;
          const documented =
            ts.getJSDocCommentsAndTags(member).length > 0 || text.slice(member.pos, member.getStart()).includes("/**");
          assert.ok(documented, `${source.path}: ${statement.name.text}.${name}`);
        }
      }
    }
  });
});
