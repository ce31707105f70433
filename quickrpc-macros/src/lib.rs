//! The `#[remote_api]` attribute of the `quickrpc` crate, which re-exports it.

mod call_errors;
mod expand;
mod mistakes;
mod model;
mod parse;
mod text;
mod validate;

use proc_macro::TokenStream;

/// Declares an API: the trait below is replaced by everything that both sides of it need.
///
/// ```
/// use quickrpc::remote_api;
///
/// /// A simple chat: what one peer says, every peer hears.
/// #[remote_api]
/// pub trait Echo {
///     /// A peer says something.
///     #[incoming]
///     fn say(&self, text: &str);
///
///     /// Passed on to everybody.
///     #[outgoing]
///     fn echo(&self, text: &str);
///
///     /// Adds two numbers.
///     #[incoming]
///     fn add(&self, a: i64, b: i64) -> i64;
/// }
///
/// # fn main() -> quickrpc::Result<()> {
/// let (api, hub) = Echo::pair();
/// let everybody = api.all();
/// api.say.connect(move |_sender, text| everybody.echo(text));
/// api.add.connect(|_sender, a, b| a + b);
/// # let heard = hub.echo.subscribe();
/// hub.all().say("hello")?;
/// assert_eq!(hub.all().add(2, 3).result()?, 5);
/// # Ok(()) }
/// ```
///
/// `Echo` is the side that receives what is `#[incoming]` and sends what is `#[outgoing]`;
/// `EchoInverse` is the opposite side. Either may be the one that listens for connections.
///
/// # Methods
///
/// A method takes `&self`, has no body, and is `#[incoming]` or `#[outgoing]`. With a return
/// type the call has a reply, and whoever sends it gets a [`Promise`]; `-> ()` is only
/// acknowledged. Without a return type it is a notification, which nobody answers. Who sent a
/// call and who gets it are not declared: handlers get a [`Sender`] first, and the handle that
/// sends says to whom.
///
/// A method declared `-> Result<T, E>` has `T` on the wire and in the promise. It lets an
/// implementation of `EchoIncoming` fail with an `E`, which is any error that converts into
/// `Box<dyn Error + Send + Sync>`. Closures may fail in any case. An `E` that is an error,
/// `Serialize` and `Deserialize` travels as such, in the data of the error answer: the caller
/// asks [`error.call::<E>()`], or [`promise.typed::<E>()`]; [`CallErrors`] gives it codes.
///
/// A method declared `-> Promise<T>` or `-> Result<Promise<T>, E>` has `T` on the wire, too: an
/// implementation of `EchoIncoming` answers later then. (Closures may do so in any case.)
///
/// A method declared `-> Stream<T>` or `-> Stream<T, R>`, or a `Result` of one, answers bit by bit:
/// with items of type `T`, and then with `R`. Who calls it gets the [`Stream`] at once. The type is
/// recognised by its name.
///
/// # Types
///
/// What is declared is what both sides see. Arguments and results are any types that are both
/// `Serialize` and `Deserialize`; results are owned, and references have no lifetimes. Where another type has
/// one it is `'static`, as in `Cow<'static, str>`, which is owned wherever it arrives.
///
/// | declared | a handler gets | a subscription gets | on the wire |
/// |---|---|---|---|
/// | `&str` | `&str`, out of the message itself where possible | `String` | a string |
/// | `&[u8]`, `Vec<u8>` | the same | `Vec<u8>` | a byte string |
/// | `&[T]` | `&[T]` | `Vec<T>` | a list |
/// | `&T` | `&T` | `T` | as `T` |
/// | `T` | `T` | `T` | as serde says |
/// | `Option<..>` of these | the same | `Option<..>` | may be missing, or null |
///
/// A macro sees what is written, and not what it means: `Vec<u8>` and `&[u8]` are byte strings
/// when they are written so, alone or in `Option`, in arguments and results. Inside of other
/// types, and behind aliases, use [`Bytes`].
///
/// # Properties
///
/// `#[incoming(property)]` declares a value of the side that is named after the trait, in place of
/// a call: the other side reads it, and hears each change. With `writable` it may write it.
/// `#[outgoing(property)]` is a value of the opposite side.
///
/// ```
/// # use quickrpc::remote_api;
/// /// A power supply.
/// #[remote_api]
/// trait Supply {
///     /// Volts at the output, as measured.
///     #[incoming(property)]
///     fn measured(&self) -> f64;
///     /// Volts to be held.
///     #[incoming(property, writable)]
///     #[require(write_role = "operator")]
///     fn voltage(&self) -> f64;
/// }
///
/// # fn adc() -> f64 { 4.99 }
/// # fn main() -> quickrpc::Result<()> {
/// let (supply, lab) = Supply::pair();
/// // Whose it is has a `Property`:
/// supply.voltage.set(5.0)?;
/// supply.voltage.on_write(|_sender, volts| if *volts < 30.0 { Ok(()) } else { Err("too high") });
/// supply.measured.on_read(|_sender| adc());
/// // The other side has a `RemoteProperty`, and sends:
/// lab.voltage.connect(|sender, volts| println!("{sender} is set to {volts} V"));
/// assert_eq!(lab.all().voltage().result()?, 5.0);
/// assert!(lab.all().set_voltage(6.0).result().is_err(), "nobody has a role here");
/// # Ok(()) }
/// ```
///
/// A property has no arguments, and a type that is `Clone` beside being `Serialize` and
/// `Deserialize`. For others than this library it consists of calls: `get_voltage`, `set_voltage`
/// with the argument `value`, and the notification `voltage_changed` with `value`. Names are
/// renamed as those of calls (`getVoltage` with `camelCase`); what `prefix` or `#[name]` say up to
/// the last dot or slash stays in front (`lab.get_voltage`). A server that is one type has a method
/// for reads, as declared, and `set_voltage(&self, sender, value: &f64) -> Result<(), BoxError>`
/// for writes; with a declared `Result<f64, E>` both may fail with an `E`.
///
/// On wires that have a state (`juggler`), a property is a member of it, under its name on the wire;
/// `#[name = ""]` is the whole of the state.
///
/// # Attributes
///
/// On a method:
///
/// * `#[incoming]`, `#[outgoing]`: which way the call goes.
/// * `#[incoming(property)]`, `#[incoming(property, writable)]`, and the same with `outgoing`: it is
///   a value, see above.
/// * `#[incoming(positional)]`, `#[outgoing(positional)]`: arguments may arrive by position,
///   as in `{"params": [2, 3]}`, and are sent so. Otherwise they travel by name.
/// * `#[incoming(concurrent)]`, `#[outgoing(concurrent)]`: whoever receives it runs its calls beside
///   each other under `Processing::Queue` and `Pool`, and they do not hold up later calls of the same
///   peer. They begin in the order in which they were sent, and end when they end.
/// * `#[incoming(subscription(item = "eth_subscription", cancel = "eth_unsubscribe"))]`, and the same
///   with `outgoing`: its `Stream<T>` is in the convention of Ethereum nodes, jsonrpsee and others. The
///   call is answered with an id; `item` is the notification that brings the items, and `cancel` the
///   call that ends it. Arguments are positional. `subscription(event)`: it is an event of
///   rpc-websockets, by the name of the call, and has no arguments.
/// * `#[name = ".."]`: the name on the wire, in full. Each direction has its names for itself:
///   where one name goes both ways, as `$/cancelRequest` does between language servers and
///   editors, declare a method for each way, with names of their own in Rust.
/// * `#[require(role = "admin")]`: only callers with this role may call it; the others get an
///   error. Roles are what the security provider knows of a caller
///   ([`Sender::has_role`]); without a provider nobody has one. A property is read, written and
///   heard of by those only who have the role; `#[require(write_role = "admin")]` is for writing
///   alone, in place of the other where both are given. Who is told of changes is decided when a
///   peer connects.
/// * `#[deprecated]`: who sends the call, connects to its slot, or calls the method of
///   `EchoIncoming` gets a warning; who implements that method gets none.
/// * `#[must_use = ".."]`: what to tell those who let go of what sending gives them.
///
/// On an argument:
///
/// * `#[name = ".."]`: the name on the wire. It cannot be `sender`.
/// * `#[default]`, `#[default(expr)]`: the value if the argument is missing (not if it is
///   null), by `Default` or as given. The expression has the declared type; for `&T` it is
///   a `T`. It is evaluated anew for each call that lacks the argument.
/// * `#[whole]`, on the only argument of a call: it is sent itself, in place of an object of
///   arguments, for those whose payload is one value. What a protocol cannot carry in that place is
///   [`Error::Encode`]: `jrpc` takes what is an object or a list, `terse` and `zonis` what is an
///   object, `juggler` anything.
/// * A doc comment, which goes to the senders and to the description.
///
/// On both:
///
/// * `#[cfg(..)]`: without the condition, the call or argument is in nothing that is generated,
///   the description included. The other side has its own conditions: it may still send the
///   call, and is told that there is none. `#[cfg_attr(condition, ..)]` makes any of the
///   attributes here depend on one.
/// * `#[allow(..)]` and `#[expect(..)]` silence a lint in all that is generated for it;
///   `#[warn(..)]`, `#[deny(..)]` and `#[forbid(..)]` turn one on. The sender is where an
///   expectation has to be met, and where a lint that is turned on looks.
///
/// On the trait, all optional: `#[remote_api(rename_all = "..", prefix = "..", positional,
/// ignore_unknown, crate = "..")]`
///
/// * `rename_all`: how the names of calls and arguments are written on the wire, as with
///   serde: `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`,
///   `SCREAMING_SNAKE_CASE`, `kebab-case`, `SCREAMING-KEBAB-CASE`. `#[name]` goes before.
/// * `prefix`: what the names of all calls begin with, those given by `#[name]` excepted.
/// * `positional`: for all calls.
/// * `ignore_unknown`: arguments that are not declared pass. Otherwise a call with one of them
///   is refused, by name.
/// * `crate`: the path of the quickrpc crate if it is not `::quickrpc`, as a string or as it
///   is: `crate = $crate::quickrpc` in a macro of yours.
///
/// All of these take what a `macro_rules!` puts in their place: `prefix = $prefix`,
/// `#[name = $name]`, `text: $type`.
///
/// ```
/// use quickrpc::{Direction, remote_api};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// pub struct Point {
///     x: f64,
///     y: f64,
/// }
///
/// /// A table that moves.
/// #[remote_api(rename_all = "camelCase", prefix = "stage.")]
/// pub trait Stage {
///     /// Drives to a place; answers how long that took.
///     #[incoming(positional)]
///     fn move_to(
///         &self,
///         /// Where to, in millimetres.
///         target: &Point,
///         #[default(10.0)] max_speed: f64,
///         comment: Option<&str>,
///     ) -> Result<f64, std::io::Error>;
///
///     /// An image, after each move.
///     #[outgoing]
///     #[name = "image"]
///     fn new_image(&self, #[name = "png"] encoded: &[u8]);
/// }
///
/// let [move_to, new_image] = Stage::DESCRIPTION.calls else { panic!() };
/// assert_eq!(move_to.wire_name, "stage.moveTo");
/// assert_eq!(move_to.arguments[0].docs, "Where to, in millimetres.");
/// assert_eq!(move_to.arguments[1].wire_name, "maxSpeed");
/// assert_eq!(move_to.arguments[1].default, Some("10.0"));
/// assert!(move_to.arguments[2].optional && move_to.positional);
/// assert_eq!(move_to.result, Some("f64"));
/// assert_eq!(new_image.wire_name, "image");
/// assert_eq!(new_image.direction, Direction::Outgoing);
/// assert_eq!(StageInverse::DESCRIPTION.calls[1].direction, Direction::Incoming);
/// ```
///
/// One name both ways, and a call that is on its way out:
///
/// ```
/// # use quickrpc::remote_api;
/// #[remote_api]
/// pub trait Editor {
///     /// The other side no longer wants an answer.
///     #[incoming]
///     #[name = "$/cancelRequest"]
///     fn cancelled(&self, id: i64);
///
///     /// This side no longer wants one.
///     #[outgoing]
///     #[name = "$/cancelRequest"]
///     fn cancel(&self, id: i64);
///
///     #[outgoing]
///     #[deprecated(note = "use `show`")]
///     fn print(&self, text: &str);
///
///     #[outgoing]
///     #[cfg(windows)]
///     fn show_in_registry(&self, key: &str);
/// }
/// # assert_eq!(Editor::DESCRIPTION.calls.len(), if cfg!(windows) { 4 } else { 3 });
/// # let (api, other) = Editor::pair();
/// # let (here, there) = (api.cancelled.subscribe(), other.cancel.subscribe());
/// # other.all().cancelled(1)?;
/// # api.all().cancel(2)?;
/// # assert_eq!((here.recv().unwrap().1, there.recv().unwrap().1), (1, 2));
/// # Ok::<_, quickrpc::Error>(())
/// ```
///
/// # Handlers that change something
///
/// Several threads may call a handler at once, so that it is a `Fn`. One that changes what it has captured,
/// `move |..| n += 1`, is an `FnMut`, which the compiler refuses ("cannot assign to `n`, as it is a captured
/// variable in a `Fn` closure"). What it changes is in an atomic or a `Mutex`, or goes into a channel (or with
/// `connect_local`, for programs with a loop of their own, in a `Cell`):
///
/// ```
/// # use quickrpc::remote_api;
/// # #[remote_api]
/// # trait Counter {
/// #     #[incoming]
/// #     fn count(&self, by: u64) -> u64;
/// #     #[incoming]
/// #     fn note(&self, text: String);
/// #     #[incoming]
/// #     fn done(&self);
/// # }
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::sync::{Arc, Mutex, mpsc};
///
/// # fn main() -> quickrpc::Result<()> {
/// # let (counter, client) = Counter::pair();
/// let sum = AtomicU64::new(0); // in the place of `let mut sum = 0`
/// counter.count.connect(move |_sender, by| sum.fetch_add(by, Ordering::Relaxed) + by);
///
/// let notes = Arc::new(Mutex::new(Vec::new())); // others look at them too
/// let kept = Arc::clone(&notes);
/// counter.note.connect(move |_sender, text| kept.lock().unwrap().push(text));
///
/// let (done, is_done) = mpsc::channel();
/// counter.done.connect(move |sender| done.send(sender.clone()).unwrap());
/// # client.all().count(2).result()?;
/// # assert_eq!(client.all().count(3).result()?, 5);
/// # client.all().note("a".into())?;
/// # client.all().done()?;
/// # is_done.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
/// # assert_eq!(notes.lock().unwrap().as_slice(), ["a"]);
/// # Ok(()) }
/// ```
///
/// # What is generated
///
/// For `trait Echo`, with the visibility of the trait:
///
/// * `Echo`, a handle that is cheap to clone: `builder()`, `bind(codec, transport)`, `pair()`,
///   one public field for each incoming method (`api.say`), `all()` and `to(receivers)` to
///   send, `serve(server)`, and all methods of [`Api`], to which it dereferences.
/// * `EchoSaySlot`, the type of the field `say`: `connect(handler)`, `connect_local(handler)`
///   and `subscribe()`.
/// * `EchoOutgoing`: the outgoing methods with exactly the declared arguments, and the methods
///   of [`Handle`], those excepted whose names you gave to calls of your own. It keeps nothing
///   running, so that handlers can own it.
/// * `EchoOutgoingEach`, what `each()` returns: the same calls, one result for each peer.
/// * `EchoIncoming`, a trait with the incoming methods, `sender: &Sender` first, for `serve`.
/// * `EchoInverse`, `EchoInverseOutgoing`, ...: the same for the opposite side.
/// * For a property, a field on both sides: a [`Property`] on the one whose it is (a
///   [`WritableProperty`] if it is `writable`), and a [`RemoteProperty`] on the other one, whose `EchoOutgoing` reads and writes it.
/// * `Echo::DESCRIPTION`, a [`Description`]: all of the above as a constant.
///
/// ```
/// # use quickrpc::{Result, Sender, remote_api};
/// # #[remote_api]
/// # pub trait Echo {
/// #     #[incoming]
/// #     fn say(&self, text: &str);
/// #     #[outgoing]
/// #     fn echo(&self, text: &str);
/// #     #[incoming]
/// #     fn add(&self, a: i64, b: i64) -> i64;
/// # }
/// struct Server {
///     everybody: EchoOutgoing,
/// }
///
/// impl EchoIncoming for Server {
///     fn say(&self, sender: &Sender, text: &str) {
///         self.everybody.echo(&format!("{sender}: {text}")).ok();
///     }
///
///     fn add(&self, _sender: &Sender, a: i64, b: i64) -> i64 {
///         a + b
///     }
/// }
///
/// fn serve(api: &Echo) {
///     api.serve(Server { everybody: api.all() });
/// }
///
/// fn call(hub: &EchoInverse) -> Result<i64> {
///     hub.all().add(2, 3).result()
/// }
/// # let (api, hub) = Echo::pair();
/// # serve(&api);
/// # assert_eq!(call(&hub)?, 5);
/// # Ok::<_, quickrpc::Error>(())
/// ```
///
/// The macro works inside of functions, without any import, and with calls of any name:
/// `start`, `clone` and `r#type` included. Two are refused, `into` and `try_into`, since
/// `outgoing.into(..)` would mean the method of the standard library; `#[name = "into"]` gives
/// the name on the wire to a method that is called otherwise. Types of yours cannot be named
/// like generated ones.
///
/// Mistakes in a declaration are reported all at once, and only where they are: the types are
/// generated nevertheless, so that code that uses them adds no errors of its own.
///
/// [`error.call::<E>()`]: https://docs.rs/quickrpc/latest/quickrpc/enum.Error.html#method.call
/// [`promise.typed::<E>()`]: https://docs.rs/quickrpc/latest/quickrpc/struct.Promise.html#method.typed
/// [`CallErrors`]: https://docs.rs/quickrpc/latest/quickrpc/trait.CallErrors.html
/// [`Api`]: https://docs.rs/quickrpc/latest/quickrpc/struct.Api.html
/// [`Bytes`]: https://docs.rs/quickrpc/latest/quickrpc/struct.Bytes.html
/// [`Error::Encode`]: https://docs.rs/quickrpc/latest/quickrpc/enum.Error.html#variant.Encode
/// [`Description`]: https://docs.rs/quickrpc/latest/quickrpc/struct.Description.html
/// [`Handle`]: https://docs.rs/quickrpc/latest/quickrpc/trait.Handle.html
/// [`Property`]: https://docs.rs/quickrpc/latest/quickrpc/struct.Property.html
/// [`WritableProperty`]: https://docs.rs/quickrpc/latest/quickrpc/struct.WritableProperty.html
/// [`RemoteProperty`]: https://docs.rs/quickrpc/latest/quickrpc/struct.RemoteProperty.html
/// [`Promise`]: https://docs.rs/quickrpc/latest/quickrpc/struct.Promise.html
/// [`Stream`]: https://docs.rs/quickrpc/latest/quickrpc/struct.Stream.html
/// [`Sender`]: https://docs.rs/quickrpc/latest/quickrpc/struct.Sender.html
/// [`Sender::has_role`]: https://docs.rs/quickrpc/latest/quickrpc/struct.Sender.html#method.has_role
#[proc_macro_attribute]
pub fn remote_api(options: TokenStream, item: TokenStream) -> TokenStream {
    remote_api_impl(options.into(), item.into()).into()
}

/// Gives errors codes on the wire, and reads those of others by their codes: see the
/// [trait](https://docs.rs/quickrpc/latest/quickrpc/trait.CallErrors.html) of this name.
///
/// `#[code(404)]`, or any constant in place of the number, stands on the variants of an enum or on a
/// struct.
#[proc_macro_derive(CallErrors, attributes(code))]
pub fn derive_call_errors(item: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(item as syn::DeriveInput);
    call_errors::derive(&input).into()
}

/// The four stages: parse, model, validate, expand.
fn remote_api_impl(
    options: proc_macro2::TokenStream,
    item: proc_macro2::TokenStream,
) -> proc_macro2::TokenStream {
    let mut mistakes = mistakes::Mistakes::default();
    let declaration = match parse::Declaration::parse(options, item.clone(), &mut mistakes) {
        Ok(parse::Parsed::Declaration(declaration)) => declaration,
        // Its mistakes are reported when it is back.
        Ok(parse::Parsed::Again(code)) => return code,
        Err(error) => {
            mistakes.add_error(error);
            let errors = mistakes.into_compile_errors();
            return quote::quote!(#errors #item);
        }
    };
    let mut api = model::Api::new(declaration);
    validate::validate(&mut api, &mut mistakes);
    // Next to errors everything is there nevertheless, so that code that uses the API adds
    // none of its own.
    let code = expand::expand(&api);
    let errors = mistakes.into_compile_errors();
    quote::quote!(#errors #code)
}
