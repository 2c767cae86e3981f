//! The encodings against real bytes, against each other, and against bytes that lie.
