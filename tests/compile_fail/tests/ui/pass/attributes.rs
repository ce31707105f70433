//! All attributes, and what the description says about them.
#![deny(warnings)]

use quickrpc::{Direction, remote_api};

/// Moves things.
///
/// Carefully.
#[remote_api(rename_all = "camelCase", prefix = "lab.", ignore_unknown)]
pub trait Stage {
    /// Moves to a place.
    #[incoming(positional)]
    fn move_to(
        &self,
        /// In millimetres.
        x_position: f64,
        #[default] y_position: f64,
        #[default(Some(5))] speed: Option<i64>,
        #[default("fast")]
        #[name = "Mode"]
        mode: &str,
        comment: Option<&str>,
    ) -> Result<bool, String>;

    #[outgoing]
    #[name = "moved"]
    fn has_moved(&self, by: (f64, f64));

    #[incoming]
    fn defaults(
        &self,
        #[default] a: &str,
        #[default] b: &[u8],
        #[default(b"xyz")] c: &[u8],
        #[default] d: Vec<u8>,
        #[default(b"xyz".to_vec())] e: Vec<u8>,
        #[default(vec![1, 2])] f: &[u16],
        #[default(&[1, 2])] g: &[u16],
        #[default] h: &[u16],
        #[default] i: &i64,
        #[default(-3)] j: &i64,
        #[default("x".into())] k: String,
        #[default(Some("x"))] l: Option<&str>,
        #[default(Some(vec![1]))] m: Option<Vec<u8>>,
        #[default(Some(&[1, 2]))] n: Option<&[u8]>,
        #[default(None)] o: Option<&[i64]>,
        #[default(if cfg!(windows) { 1 } else { 2 })] p: u8,
    );

    #[doc = include_str!("attributes.rs")]
    #[incoming]
    fn documented_elsewhere(&self);
}

fn main() {
    let description = Stage::DESCRIPTION;
    assert_eq!(description.name, "Stage");
    assert_eq!(description.docs, "Moves things.\n\nCarefully.");
    let call = &description.calls[0];
    assert_eq!((call.name, call.wire_name), ("move_to", "lab.moveTo"));
    assert_eq!(call.direction, Direction::Incoming);
    assert_eq!(call.docs, "Moves to a place.");
    assert!(call.positional && call.ignore_unknown && call.has_reply());
    assert_eq!(call.result, Some("bool"));
    let arguments: Vec<_> = call
        .arguments
        .iter()
        .map(|a| (a.name, a.wire_name, a.type_name, a.default, a.optional, a.docs))
        .collect();
    assert_eq!(
        arguments,
        [
            ("x_position", "xPosition", "f64", None, false, "In millimetres."),
            ("y_position", "yPosition", "f64", Some("Default::default()"), false, ""),
            ("speed", "speed", "Option<i64>", Some("Some(5)"), true, ""),
            ("mode", "Mode", "&str", Some("\"fast\""), false, ""),
            ("comment", "comment", "Option<&str>", None, true, ""),
        ]
    );
    let call = &description.calls[1];
    assert_eq!((call.name, call.wire_name), ("has_moved", "moved"));
    assert_eq!(call.direction, Direction::Outgoing);
    assert!(!call.positional && call.result.is_none());
    assert!(description.calls[3].docs.starts_with("//! All attributes"));

    let inverse = StageInverse::DESCRIPTION;
    assert_eq!(inverse.calls[0].direction, Direction::Outgoing);
    assert_eq!(inverse.calls[1].direction, Direction::Incoming);
    assert_eq!(inverse.calls[0].arguments, description.calls[0].arguments);
}
