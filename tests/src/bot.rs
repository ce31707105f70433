//! The API of the Zonis peers in Python: the same routes on both sides.

use quickrpc::{BoxError, Value, remote_api};

/// The routes that each side has, and those that it asks the other side for.
#[remote_api]
pub trait Bot {
    /// Says `pong`.
    #[incoming]
    fn ping(&self) -> String;

    /// Gives anything back.
    #[incoming]
    fn echo(&self, #[default] text: Value) -> Value;

    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;

    /// Fails.
    #[incoming]
    fn fail(&self) -> Result<String, BoxError>;

    /// Says which side it is.
    #[incoming]
    fn who(&self) -> String;

    /// `ping` of the other side.
    #[outgoing]
    #[name = "ping"]
    fn ask_ping(&self) -> String;

    /// `echo` of the other side.
    #[outgoing]
    #[name = "echo"]
    fn ask_echo(&self, text: Value) -> Value;

    /// `add` of the other side.
    #[outgoing]
    #[name = "add"]
    fn ask_add(&self, a: i64, b: i64) -> i64;

    /// `fail` of the other side.
    #[outgoing]
    #[name = "fail"]
    fn ask_fail(&self) -> String;

    /// What a side in Python answers with something that is no JSON.
    #[outgoing]
    #[name = "unserialisable"]
    fn ask_unserialisable(&self) -> Value;

    /// `who` of the other side.
    #[outgoing]
    #[name = "who"]
    fn ask_who(&self) -> String;

    /// What neither side has.
    #[outgoing]
    #[name = "nope"]
    fn ask_nope(&self) -> String;

    /// Something to take note of.
    #[incoming]
    fn note(&self, text: &str);

    /// `note` of the other side, without interest in an answer.
    #[outgoing]
    #[name = "note"]
    fn tell(&self, text: &str);
}

/// Connects a plain handler to every route.
pub fn serve_bot(api: &Bot, name: &str) {
    let name = name.to_owned();
    api.ping.connect(|_sender| "pong".to_owned());
    api.echo.connect(|_sender, text| text);
    api.add.connect(|_sender, a, b| {
        let sum = a.checked_add(b);
        sum.ok_or("the sum is too large")
    });
    api.fail
        .connect(|_sender| Err::<String, BoxError>("failed on purpose".into()));
    api.who.connect(move |_sender| name.clone());
}

/// Values of every kind that JSON has, and what is at the edge of each.
///
/// # Panics
///
/// Never.
pub fn every_kind() -> Vec<Value> {
    let json = serde_json::json!([
        null, true, false, 0, -1, 1.5, -2.5e-300, 1e300, 9007199254740993_i64, i64::MIN, u64::MAX,
        "", "text", "ä\u{1f600}\u{0}\"\\\n\u{7f}\u{2028}", [], [[[]]], [1, "a", null, {"b": []}],
        {}, {"": "", "a": {"b": {"c": [false]}}, "ключ": 1}, "x".repeat(1_000)
    ]);
    let list: Vec<serde_json::Value> = serde_json::from_value(json).expect("a list");
    list.into_iter().map(crate::value).collect()
}
