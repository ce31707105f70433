//! Tests of the built-in codecs and of the framing.
