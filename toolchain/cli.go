//go:build tools

// Package toolchain pins the Pulumi CLI that scripts/setup builds when no suitable one is on PATH.
package toolchain

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
