import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules/", ".sbc/"] },
  eslint.configs.recommended,
  ...tseslint.configs.strict,
  {
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  {
    // What runs in browsers.
    files: ["configs/landing/static/*.js", "test/browser/*.js"],
    languageOptions: {
      globals: Object.fromEntries(
        ["document", "fetch", "getComputedStyle", "location", "setTimeout"].map((name) => [name, "readonly"]),
      ),
    },
  },
);
