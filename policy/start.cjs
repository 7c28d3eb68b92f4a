/* global module */
// The SDK requires a CommonJS entry; Node loads the TypeScript behind it without a compiler.
module.exports = import("./index.ts");
