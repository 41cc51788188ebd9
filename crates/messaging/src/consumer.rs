//! A consumer of one queue and lane.
