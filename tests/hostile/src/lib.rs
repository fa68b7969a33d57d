//! A bundle that misbehaves on request, for the tests of the sandbox.
