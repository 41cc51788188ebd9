//! The relay: publishes outbox rows after their commit.
