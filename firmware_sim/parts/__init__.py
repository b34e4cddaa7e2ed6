"""Virtual hardware behind the SDK's driver protocols, each with its faults as switches."""
