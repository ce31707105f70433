//! Keys of users, from a file or an environment variable.
//!
//! No text that is made here holds a secret: not the errors about a file that cannot be
//! read, and not what `Debug` shows.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use toml::value::{Datetime, Offset};
use toml::{Table, Value};

use super::SecInfo;
use crate::base::error::{Error, Result};
use crate::base::mark::text_of_file;
use crate::base::sync::lock;
use crate::base::sys::{Stamp, is_open_to_others, is_pipe, open_soon, read_pipe};
use crate::expr::KeySource;

/// A secret has at least so many bytes.
const SHORTEST: usize = 16;
/// A user has at most so many keys: a message may be tried with each of them.
const MOST_KEYS: usize = 8;
/// A keys file has at most so many bytes.
const LARGEST: u64 = 4 << 20;
/// So often at the most the file is looked at, in microseconds.
const LOOK: u64 = 1_000_000;
/// Who writes keys to a pipe, as in `<(..)` of a shell, has so long for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The keys of all users.
#[derive(Default)]
pub(super) struct Keys {
    users: BTreeMap<String, User>,
    /// Our own, for keys that come in pairs.
    #[cfg_attr(
        not(feature = "seal"),
        allow(dead_code, reason = "files are checked by the same rules everywhere")
    )]
    private: Option<[u8; 32]>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("users", &self.users)
            .finish_non_exhaustive()
    }
}

/// What is known of a user.
#[derive(Debug, Default)]
pub(super) struct User {
    /// The current one first.
    pub(super) keys: Vec<Key>,
    /// Of a pair of keys.
    #[cfg_attr(
        not(feature = "seal"),
        allow(dead_code, reason = "files are checked by the same rules everywhere")
    )]
    public: Option<[u8; 32]>,
    /// What the user may do, as one text.
    roles: String,
}

impl User {
    /// What is known of the user that has this name.
    pub(super) fn info(&self, name: &str) -> SecInfo {
        info(name, &self.roles)
    }
}

/// One key of a user.
#[derive(Clone)]
pub(super) struct Key {
    /// Ready to sign with the secret.
    pub(super) mac: Hmac<Sha256>,
    /// Seconds since 1970.
    expires: Option<u64>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl Key {
    pub(super) fn is_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Seconds since 1970.
    pub(super) fn expires(&self) -> Option<u64> {
        self.expires
    }
}

impl Keys {
    #[cfg(feature = "seal")]
    pub(super) fn private(&self) -> Option<&[u8; 32]> {
        self.private.as_ref()
    }

    /// Whose public key this is.
    #[cfg(feature = "seal")]
    pub(super) fn owner(&self, public: &[u8]) -> Option<(&str, &User)> {
        let mut users = self.users.iter();
        let (name, user) =
            users.find(|(_, user)| user.public.as_ref().is_some_and(|key| key == public))?;
        Some((name, user))
    }

    #[cfg(feature = "websocket")]
    pub(super) fn users(&self) -> impl Iterator<Item = (&str, &User)> {
        self.users.iter().map(|(name, user)| (&**name, user))
    }

    /// The same with the name, as it stands here.
    #[cfg(feature = "websocket")]
    pub(super) fn entry(&self, name: &str) -> Option<(&str, &User)> {
        self.users
            .get_key_value(name)
            .map(|(name, user)| (&**name, user))
    }

    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// A user's key for signing: the first that has not expired.
    pub(super) fn current(&self, name: &str, now: u64) -> Option<&Key> {
        let keys = &self.users.get(name)?.keys;
        keys.iter().find(|key| !key.is_expired(now))
    }

    /// Reads a keys file.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with("-----BEGIN ") {
            return Err(String::from(
                "it is PEM, as TLS has its keys; here keys stand in TOML, as in \
                 `[users.alice]` with `keys = [\"..\"]`",
            ));
        }
        let table: Table = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| {
                let before = text.get(..span.start).unwrap_or_default();
                1 + before.matches('\n').count()
            });
            // Not the error's own text, which may show the line.
            format!("line {line} is no TOML")
        })?;
        only(&table, &["private", "users"], "the file")?;
        let private = table.get("private").map(pair_key).transpose()?;
        let users = match table.get("users") {
            Some(Value::Table(users)) => users,
            Some(_) => return Err(String::from("`users` must be a table")),
            None => return Err(String::from("there is no table `[users.<name>]`")),
        };
        let users = users.iter().map(|(name, user)| {
            check_name(name)?;
            let user = User::parse(user).map_err(|why| format!("user `{name}`: {why}"))?;
            Ok((name.clone(), user))
        });
        Ok(Keys {
            users: users.collect::<Result<_, String>>()?,
            private,
        })
    }

    /// Reads the keys of one user: several are separated by blanks.
    fn of_user(name: &str, text: &str) -> Result<Self, String> {
        let keys = text.split_ascii_whitespace();
        let keys = keys.map(|secret| Key::new(secret, None));
        let user = User {
            keys: check_count(keys.collect::<Result<_, String>>()?)?,
            ..User::default()
        };
        Ok(Keys {
            users: BTreeMap::from([(name.to_owned(), user)]),
            private: None,
        })
    }
}

impl User {
    fn parse(value: &Value) -> Result<Self, String> {
        let Value::Table(table) = value else {
            return Err(String::from("expected a table"));
        };
        only(table, &["keys", "public", "roles"], "a user")?;
        let public = table.get("public").map(pair_key).transpose()?;
        let keys = match table.get("keys") {
            Some(Value::Array(keys)) => {
                check_count(keys.iter().map(Key::parse).collect::<Result<_, String>>()?)?
            }
            None if public.is_some() => Vec::new(),
            None => return Err(String::from("there is neither `keys` nor `public`")),
            Some(_) => return Err(String::from("`keys` must be a list")),
        };
        let roles = match table.get("roles") {
            None => Vec::new(),
            Some(Value::Array(roles)) => roles.iter().map(role).collect::<Result<_, String>>()?,
            Some(_) => return Err(String::from("`roles` must be a list")),
        };
        Ok(User {
            keys,
            public,
            roles: roles.join(" "),
        })
    }
}

impl Key {
    fn parse(value: &Value) -> Result<Self, String> {
        let (secret, expires) = match value {
            Value::String(secret) => (secret, None),
            Value::Table(table) => {
                only(table, &["secret", "expires"], "a key")?;
                let Some(Value::String(secret)) = table.get("secret") else {
                    return Err(String::from("a key needs `secret = \"...\"`"));
                };
                let expires = match table.get("expires") {
                    None => None,
                    Some(Value::Datetime(time)) => Some(seconds(time)?),
                    Some(_) => {
                        return Err(String::from(
                            "`expires` must be a date such as 2027-01-31, or a time such as \
                             2027-01-31T12:00:00Z, without quotes",
                        ));
                    }
                };
                (secret, expires)
            }
            _ => {
                return Err(String::from(
                    "a key must be a string, or a table with `secret` and `expires`",
                ));
            }
        };
        Key::new(secret, expires)
    }

    fn new(secret: &str, expires: Option<u64>) -> Result<Self, String> {
        let secret = decode_secret(secret)?;
        let mac = Hmac::new_from_slice(&secret).map_err(|error| error.to_string())?;
        Ok(Key { mac, expires })
    }
}

/// One key of a pair.
fn pair_key(value: &Value) -> Result<[u8; 32], String> {
    let key = value.as_str().and_then(|text| STANDARD.decode(text).ok());
    key.and_then(|key| key.try_into().ok())
        .ok_or_else(|| String::from("a key of a pair must be 32 bytes in base64"))
}

fn only(table: &Table, known: &[&str], what: &str) -> Result<(), String> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        // A mistyped name may be a misplaced secret, so it is not shown.
        Some(_) => Err(format!(
            "{what} has an unknown entry; known are `{}`",
            known.join("`, `")
        )),
        None => Ok(()),
    }
}

fn check_count(keys: Vec<Key>) -> Result<Vec<Key>, String> {
    match keys.len() {
        0 => Err(String::from("there is no key")),
        count if count > MOST_KEYS => Err(format!("more than {MOST_KEYS} keys")),
        _ => Ok(keys),
    }
}

pub(super) fn decode_secret(text: &str) -> Result<Vec<u8>, String> {
    let secret = STANDARD
        .decode(text)
        .map_err(|_| String::from("a secret must be base64"))?;
    match secret.len() < SHORTEST {
        true => Err(format!(
            "a secret must have {SHORTEST} bytes or more; `openssl rand -base64 32` makes one"
        )),
        false => Ok(secret),
    }
}

/// Names travel in headers, and are part of what is signed.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if is_name(name) {
        return Ok(());
    }
    Err(String::from(
        "the name of a user has 1 to 128 bytes, no control characters, and is not `*`",
    ))
}

/// Whether it can be the name of a user.
pub(super) fn is_name(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name != "*" && !name.contains(char::is_control)
}

fn role(value: &Value) -> Result<&str, String> {
    let role = value.as_str().filter(|role| is_name(role));
    role.filter(|role| !role.contains(char::is_whitespace))
        .ok_or_else(|| String::from("a role must be one word"))
}

/// Seconds since 1970 of a time in a keys file; without a time of day at its beginning,
/// without an offset in UTC.
fn seconds(time: &Datetime) -> Result<u64, String> {
    let date = time
        .date
        .ok_or_else(|| String::from("`expires` needs a date"))?;
    // Days from civil (Howard Hinnant), with years that begin in March.
    let (year, month) = (i64::from(date.year), i64::from(date.month));
    let year = year - i64::from(month <= 2);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(date.day) - 1;
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let of_day = time.time.map_or(0, |time| {
        let second = i64::from(time.second);
        (i64::from(time.hour) * 60 + i64::from(time.minute)) * 60 + second
    });
    let offset = match time.offset {
        Some(Offset::Custom { minutes }) => i64::from(minutes) * 60,
        Some(Offset::Z) | None => 0,
    };
    Ok(u64::try_from(days * 86_400 + of_day - offset).unwrap_or(0))
}

/// What is known of a user with these roles.
pub(super) fn info(user: &str, roles: &str) -> SecInfo {
    let mut info = SecInfo::from([("user".to_owned(), user.to_owned())]);
    if !roles.is_empty() {
        info.insert("roles".to_owned(), roles.to_owned());
    }
    info
}

/// Microseconds since 1970.
pub(super) fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}

/// Where keys come from; a file that has changed is read again.
#[derive(Debug)]
pub(super) struct KeyStore {
    source: KeySource,
    /// Guards what was read last; a leaf in the lock order.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    keys: Arc<Keys>,
    /// In microseconds since 1970.
    looked: u64,
    /// How the file was when it was last read, or tried to; of a pipe there is nothing to be read again.
    version: Option<Stamp>,
}

impl KeyStore {
    /// Reads the keys. From a variable without a table, they are those of `user`.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or others may read the file.
    pub(super) fn open(source: KeySource, user: &str) -> Result<Self> {
        let read = match &source {
            KeySource::File(path) => read_file(path),
            KeySource::Environment(name) => read_variable(name, user).map(|keys| (keys, None)),
        };
        let (keys, version) =
            read.map_err(|why| Error::Config(format!("keys from {source}: {why}").into()))?;
        Ok(KeyStore {
            source,
            state: Mutex::new(State {
                keys: Arc::new(keys),
                looked: now_micros(),
                version,
            }),
        })
    }

    pub(super) fn source(&self) -> &KeySource {
        &self.source
    }

    /// The keys as they are at this time, in microseconds since 1970. A file that cannot be read any
    /// more leaves them as they were.
    pub(super) fn current(&self, now: u64) -> Arc<Keys> {
        let mut state = lock(&self.state);
        if let KeySource::File(path) = &self.source
            && let Some(before) = &state.version
            // A clock that was set back has it looked at, too.
            && now.abs_diff(state.looked) >= LOOK
        {
            let seen =
                fs::metadata(path).map_or_else(|_| Stamp::default(), |file| Stamp::of(&file));
            let is_same = seen == *before;
            state.looked = now;
            if !is_same {
                state.version = Some(seen);
                match read_file(path) {
                    Ok((keys, version)) => {
                        crate::base::log::info!("keys from {} were read again", self.source);
                        state.keys = Arc::new(keys);
                        state.version = version;
                    }
                    // Told once for each change.
                    Err(why) => {
                        crate::base::log::warn!(
                            "keys from {} stay as they were: {why}",
                            self.source
                        );
                    }
                }
            }
        }
        Arc::clone(&state.keys)
    }
}

fn read_file(path: &str) -> Result<(Keys, Option<Stamp>), String> {
    let file = open_soon(Path::new(path)).map_err(|error| error.to_string())?;
    // Of the file that is read, whatever the name means meanwhile.
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if metadata.is_dir() {
        return Err(String::from("it is a folder"));
    }
    if !metadata.is_file() && !is_pipe(&metadata) {
        return Err(String::from("it is no file"));
    }
    if is_open_to_others(&metadata) {
        return Err(String::from(
            "other users of this machine may read or change it; `chmod o= <file>` takes that away",
        ));
    }
    let mut bytes = Vec::new();
    let version = match is_pipe(&metadata) {
        true => {
            let read = read_pipe(
                file,
                usize::try_from(LARGEST + 1).unwrap_or(usize::MAX),
                PATIENCE,
            );
            bytes = read
                .map_err(|error| format!("it is a pipe that is not written to its end: {error}"))?;
            if bytes.is_empty() {
                return Err(String::from("it is a pipe to which nobody writes"));
            }
            None
        }
        false => {
            let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
            read.map_err(|error| error.to_string())?;
            Some(Stamp::of(&metadata))
        }
    };
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {LARGEST} bytes"));
    }
    Ok((Keys::parse(text_of_file(&bytes)?)?, version))
}

fn read_variable(name: &str, user: &str) -> Result<Keys, String> {
    // Without the error's text, which may show the value.
    let text = std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => "it is not set",
        std::env::VarError::NotUnicode(_) => "it is not UTF-8",
    })?;
    match text.contains('[') {
        true => Keys::parse(&text),
        false => Keys::of_user(user, &text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_date_1() {
        // `date -d <time> +%s`
        for (time, expected) in [
            ("1970-01-01", 0),
            ("2000-02-29T12:34:56Z", 951_827_696),
            ("2027-01-01T00:00:00+01:00", 1_798_758_000),
            ("2100-03-01", 4_107_542_400),
            ("1969-12-31", 0),
        ] {
            let parsed: Datetime = time.parse().unwrap();
            assert_eq!(seconds(&parsed), Ok(expected), "{time}");
        }
    }

    const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";

    #[test]
    fn a_file_has_users_with_keys_and_roles() {
        let keys = Keys::parse(&format!(
            "[users.alice]\nkeys = [\"{SECRET}\", {{ secret = \"{SECRET}\", expires = 2020-01-01 }}]\n\
             roles = [\"admin\", \"operator\"]\n[users.\"bob b\"]\nkeys = [\"{SECRET}\"]\n"
        ))
        .unwrap();
        let alice = keys.user("alice").unwrap();
        assert_eq!((alice.keys.len(), &*alice.roles), (2, "admin operator"));
        assert_eq!(alice.info("alice")["roles"], "admin operator");
        assert!(
            alice.keys[1].is_expired(now_micros() / 1_000_000)
                && !alice.keys[0].is_expired(u64::MAX)
        );
        assert!(keys.user("bob b").unwrap().roles.is_empty() && keys.user("carl").is_none());
        assert!(!format!("{keys:?}").contains("115"), "a byte of the secret");
    }

    #[test]
    fn mistakes_show_no_secret() {
        let cases = [
            ("", "no table `[users.<name>]`"),
            ("-----BEGIN PRIVATE KEY-----\nSECRET\n", "it is PEM"),
            ("users = 1", "`users` must be a table"),
            (
                "[users.a]\nkeys = \"SECRET\"",
                "user `a`: `keys` must be a list",
            ),
            ("[users.a]\nkeys = []", "no key"),
            ("private = \"SECRET\"", "32 bytes"),
            ("[users.a]\npublic = \"SECRET\"", "32 bytes"),
            ("[users.a]\nroles = [\"x\"]", "neither"),
            ("[users.a]\nkeys = [\"short\"]", "base64"),
            ("[users.a]\nkeys = [\"YWJj\"]", "16 bytes or more"),
            ("[users.a]\nkeys = [[\"SECRET\"]]", "a key must be a string"),
            (
                "[users.a]\nkeys = [{secret = \"SECRET\", expires = \"x\"}]",
                "must be a date",
            ),
            (
                "[users.a]\nkeys = [{secret = \"SECRET\", expires = 07:00:00}]",
                "needs a date",
            ),
            (
                "[users.a]\nkeys = [{secret = \"SECRET\", SECRET = 1}]",
                "unknown entry",
            ),
            (
                "[users.a]\nSECRET = 1\nkeys = [\"SECRET\"]",
                "unknown entry",
            ),
            (
                "[users.a]\nkeys = [\"SECRET\"]\nroles = [\"a b\"]",
                "one word",
            ),
            ("[users.\"\"]\nkeys = [\"SECRET\"]", "the name of a user"),
            (
                "[users.a]\nkeys = [\"SECRET\" \"SECRET\"]",
                "line 2 is no TOML",
            ),
            ("[users.a]\nkeys = [\"SECRET\n", "line 2 is no TOML"),
        ];
        for (text, expected) in cases {
            let error = Keys::parse(&text.replace("SECRET", SECRET)).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("c2Vj"), "{error}");
        }
    }

    #[test]
    fn a_variable_has_the_keys_of_one_user() {
        let keys = Keys::of_user("alice", &format!(" {SECRET}\n{SECRET} ")).unwrap();
        assert_eq!(keys.user("alice").unwrap().keys.len(), 2);
        assert!(Keys::of_user("alice", "").unwrap_err().contains("no key"));
        assert!(
            Keys::of_user("alice", "???")
                .unwrap_err()
                .contains("base64")
        );
    }
}
