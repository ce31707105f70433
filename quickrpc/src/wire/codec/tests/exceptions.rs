//! Where we deliberately differ from the Python original.

/// A vector that does not mean to us what it means to Python.
#[derive(Debug)]
pub(super) struct Exception {
    pub(super) vector: &'static str,
    pub(super) ours: &'static str,
    pub(super) why: &'static str,
}

const fn differs(vector: &'static str, ours: &'static str, why: &'static str) -> Exception {
    Exception { vector, ours, why }
}

/// Input that is decoded differently, or stops or hangs the original.
pub(super) const DECODE: &[Exception] = &[
    // jrpc: freedom for people at a terminal, and strictness about what is not JSON.
    differs(
        "jrpc: leading space",
        "f(a: 1)",
        "blanks before a message do no harm",
    ),
    differs(
        "jrpc: leading newline after delimiter",
        "f(a: 1); f(a: 1)",
        "as above: people end lines with a delimiter and a newline",
    ),
    differs(
        "jrpc: byte order mark",
        "f(a: 1)",
        "programs that begin each text with one mean nothing by it",
    ),
    differs(
        "jrpc: trailing garbage",
        "undecodable",
        "what is dropped silently is missed later",
    ),
    differs(
        "jrpc: two objects in one telegram",
        "undecodable",
        "as above: the second one would be lost",
    ),
    // jrpc: JSON-RPC 2.0 in full.
    differs(
        "jrpc: toplevel array (batch)",
        "f(a: 1); f(a: 1)#3",
        "batches are part of JSON-RPC",
    ),
    differs(
        "jrpc: no method, result or error",
        "invalid#1",
        "with an id there is somebody to tell",
    ),
    differs(
        "jrpc: method null",
        "undecodable",
        "methods have names; without an id there is nobody to tell",
    ),
    differs(
        "jrpc: method number",
        "invalid#1",
        "stops the original; methods have names",
    ),
    differs(
        "jrpc: id zero",
        "f()#0",
        "0 is a valid id in JSON-RPC, and echoed",
    ),
    // jrpc: answers that stop the original, or that it reads in a way of its own.
    differs("jrpc: reply id null", "reply 0: 1", "nobody's reply"),
    differs("jrpc: reply id string", "reply 0: 1", "not one of our ids"),
    differs("jrpc: reply id list", "reply 0: 1", "not one of our ids"),
    differs(
        "jrpc: reply id float",
        "reply 0: 1",
        "1.9 is not the id that was sent",
    ),
    differs(
        "jrpc: error id null",
        r#"error 0: -32700 "Parse error""#,
        "nobody's error, but worth a log entry",
    ),
    differs(
        "jrpc: error with minimal object",
        r#"error 3: 0 """#,
        "the message is what was sent",
    ),
    differs(
        "jrpc: error is a string",
        r#"error 3: -32603 "the call failed with an error that is not an object" "no""#,
        "the call has failed, whatever the form",
    ),
    differs(
        "jrpc: error is null",
        r#"error 3: -32603 "the other side answered with neither a result nor an error""#,
        "the call has not succeeded, either",
    ),
    // jrpc: values.
    differs(
        "jrpc: bytes value not a string",
        r#"f(a: {"__bytes": 1})"#,
        "an ordinary object",
    ),
    differs(
        "jrpc: bytes value bad base64",
        "f(unreadable)",
        "refused with words; the original stops",
    ),
    differs(
        "jrpc: bytes value other characters",
        "f(unreadable)",
        "a damaged base64 is not guessed at",
    ),
    differs(
        "jrpc: bytes value urlsafe base64",
        "f(unreadable)",
        "as above; the original loses the bytes",
    ),
    differs(
        "jrpc: nested 5000 deep",
        "undecodable",
        "deeper than the limit",
    ),
    // terse: lines that stop or hang the original, or that it cannot read.
    differs("terse: empty line", "", "nothing"),
    differs("terse: empty line with CR", "", "nothing"),
    differs(
        "terse: empty line between calls",
        "f(a: 1); f(a: 2)",
        "nothing between two calls",
    ),
    differs("terse: blank line", "", "nothing; a call needs a name"),
    differs("terse: leading space", "f(a: 1)", "blanks do no harm"),
    differs(
        "terse: comma after value",
        "f(a: 1, b: 2)",
        "as the original documents it",
    ),
    differs(
        "terse: list with commas",
        "f(a: [1, 2])",
        "as the original documents it",
    ),
    differs(
        "terse: colon directly after method",
        "",
        "undecodable: arguments have names",
    ),
    // terse: ids and answers, as documented.
    differs(
        "terse: request with slash id",
        "f(a: 1)#3",
        "what the original writes and cannot read",
    ),
    differs(
        "terse: request with bracket id",
        "f(a: 1)#3",
        "as documented",
    ),
    differs("terse: bracket id without params", "f()#3", "as documented"),
    differs("terse: reply", "reply 3: 1", "as documented"),
    differs("terse: reply with space", "reply 3: 1", "as documented"),
    differs("terse: reply string", r#"reply 3: "x""#, "as documented"),
    differs("terse: reply list", "reply 3: [1, 2]", "as documented"),
    differs(
        "terse: error reply",
        r#"error 3: 0 "no" "why""#,
        "as documented",
    ),
    differs(
        "terse: error reply without space",
        r#"error 3: 0 "no" "why""#,
        "the blank carries no meaning",
    ),
    // terse: values.
    differs(
        "terse: plus sign",
        "f(a: 5)",
        "understood by everybody else",
    ),
    differs(
        "terse: exponent without sign",
        "f(a: 100000.0)",
        "understood by everybody else",
    ),
    differs(
        "terse: nan",
        "f(a: NaN)",
        "what the original writes and cannot read",
    ),
    differs(
        "terse: inf",
        "f(a: inf)",
        "what the original writes and cannot read",
    ),
    differs(
        "terse: minus inf",
        "f(a: -inf)",
        "what the original writes and stops at",
    ),
    differs("terse: true", "f(a: true)", "part of the completed format"),
    differs("terse: null", "f(a: null)", "part of the completed format"),
    differs(
        "terse: exponent, odd sign character",
        "undecodable",
        "stops the original",
    ),
    differs("terse: minus only", "undecodable", "stops the original"),
    differs("terse: dot only", "undecodable", "stops the original"),
    differs(
        "terse: escaped backslash before n",
        r#"f(a: "C:\\new")"#,
        "the original reads escapes in the wrong order",
    ),
    differs(
        "terse: unknown escape",
        r#"f(a: "\t\\x41")"#,
        "the tab is part of the completed format",
    ),
    differs(
        "terse: trailing backslash, then another string",
        r#"f(a: "x\\", b: "y")"#,
        "the original takes the quote for an escaped one",
    ),
    differs(
        "terse: unterminated string",
        "undecodable",
        "stops the original",
    ),
    differs(
        "terse: not utf8 in string",
        "undecodable",
        "stops the original",
    ),
    differs(
        "terse: not utf8 in method",
        "undecodable",
        "stops the original",
    ),
    differs(
        "terse: bytes, other characters",
        "f(unreadable)",
        "a damaged base64 is not guessed at",
    ),
    differs(
        "terse: bytes, bad padding",
        "f(unreadable)",
        "with an id, the answer says what is wrong",
    ),
    differs(
        "terse: dict quoted key",
        r#"f(a: {"k": 1})"#,
        "quoted names are part of the completed format",
    ),
    differs(
        "terse: nested 2000 deep",
        "undecodable",
        "deeper than the limit",
    ),
];

/// What the original writes and loses or changes in writing it.
pub(super) const ENCODE: &[Exception] = &[
    differs(
        "jrpc: dict with the key __bytes",
        r#"f(a: b"xyz")"#,
        "on the wire the same as a byte string, to the original too",
    ),
    differs(
        "jrpc: lone surrogate",
        r#"f(a: "�")"#,
        "half a character, for which Rust has no value",
    ),
    // terse: what the original cannot write.
    differs(
        "terse: seven-digit int",
        "f(a: 1000000.0)",
        "the original writes six digits, and large numbers as floats",
    ),
    differs(
        "terse: seven significant digits",
        "f(a: 1234570.0)",
        "the original writes six digits, and large numbers as floats",
    ),
    differs(
        "terse: large negative int",
        "f(a: -123457000.0)",
        "the original writes six digits, and large numbers as floats",
    ),
    differs(
        "terse: 2**53+1",
        "f(a: 9007200000000000.0)",
        "the original writes six digits, and large numbers as floats",
    ),
    differs(
        "terse: 2**63",
        "f(a: 9.22337e18)",
        "the original writes six digits, and large numbers as floats",
    ),
    differs(
        "terse: 2**64",
        "f(a: 1.84467e19)",
        "the original writes six digits, and large numbers as floats",
    ),
    differs(
        "terse: 10**30",
        "f(a: 1e30)",
        "the original writes six digits, and large numbers as floats",
    ),
    differs(
        "terse: float with many digits",
        "f(a: 3.14159)",
        "the original writes six digits, and large numbers as floats",
    ),
    differs(
        "terse: reply big int (0)",
        "reply 0: 12345700.0",
        "the original writes six digits, and large numbers as floats",
    ),
    differs(
        "terse: reply big int (4)",
        "reply 4: 12345700.0",
        "the original writes six digits, and large numbers as floats",
    ),
    differs(
        "terse: floats",
        "f(a: 1, b: 1.5, c: -0.25, d: 0.1)",
        "the original writes 1.0 as 1",
    ),
    differs(
        "terse: negative zero",
        "f(a: 0)",
        "the original writes -0.0 as -0",
    ),
    differs(
        "terse: bools",
        "f(a: 1, b: 0)",
        "the original writes booleans as 1 and 0",
    ),
    differs(
        "terse: reply true (0)",
        "reply 0: 1",
        "the original writes booleans as 1 and 0",
    ),
    differs(
        "terse: reply true (4)",
        "reply 4: 1",
        "the original writes booleans as 1 and 0",
    ),
    differs("terse: set of one", "f(a: [1])", "a list on the wire"),
    differs(
        "terse: dict key with space",
        "undecodable",
        "the original does not quote keys",
    ),
    differs(
        "terse: dict key with colon",
        "undecodable",
        "the original does not quote keys",
    ),
    differs(
        "terse: error with code (0)",
        r#"error 0: 0 "boom""#,
        "the original leaves the code out",
    ),
    differs(
        "terse: error with code (4)",
        r#"error 4: 0 "boom""#,
        "the original leaves the code out",
    ),
];

/// What means something else to us when we have written it ourselves.
pub(super) const OWN: &[Exception] = &[differs(
    "jrpc: dict with the key __bytes",
    r#"f(a: b"xyz")"#,
    "on the wire the same as a byte string, to the original too",
)];
