//! Layers around calls.

use std::sync::Arc;

use crate::call::around::{Answer, Call, Next};

use super::handle::Api;

impl Api {
    /// Puts a layer around each call, incoming and outgoing: to time it, to log it, to refuse it, to
    /// change it. What it returns is what the caller gets; `next.run(call)` is what is within.
    ///
    /// ```
    /// # use quickrpc::remote_api;
    /// # #[remote_api]
    /// # trait Lab { #[incoming] fn measure(&self, channel: u8) -> f64; }
    /// use std::time::Instant;
    /// use quickrpc::CallError;
    /// use quickrpc::layer::Answer;
    ///
    /// # fn main() -> quickrpc::Result<()> {
    /// # let (lab, client) = Lab::pair();
    /// # lab.measure.connect(|_sender, channel| f64::from(channel));
    /// // The outermost: how long it takes, whoever answers, and when.
    /// lab.layer(|call, next| {
    ///     let (started, method) = (Instant::now(), call.method().to_owned());
    ///     next.run(call).then(move |outcome| match outcome.error() {
    ///         None => println!("{method} took {:?}", started.elapsed()),
    ///         Some(error) => println!("{method} failed: {error}"),
    ///     })
    /// });
    /// lab.layer(|call, next| match call.args()["channel"].as_i64() {
    ///     Some(8..) => Answer::refuse(CallError::new(404, "there are 8 channels")),
    ///     _ => next.run(call),
    /// });
    /// assert_eq!(client.all().measure(7).result()?, 7.0);
    /// assert_eq!(client.all().measure(9).result().unwrap_err().code(), Some(404));
    /// # Ok(()) }
    /// ```
    ///
    /// **Order.** The first layer is the outermost: it sees a call first, and what comes of it last.
    /// Those who look at the answer by [`Answer::then`] do so from within to without. A layer belongs
    /// to all traits of a [`Node`](crate::Node), and sees the calls that begin after it was added.
    ///
    /// **What it sees.** Calls and notifications of both directions: method, arguments, peers, wire,
    /// whether an answer is wanted, the deadline; and what comes of them, now or
    /// [later](Answer::is_later): a result, an error, a deadline, a disconnect, cancelling. Reading and
    /// writing of properties by calls is among them, and what nobody has declared or handles. It stands
    /// around rules ([`authorize`](Self::authorize)) and roles, so that it sees what they refuse; what
    /// exceeds [`Limits::rate`](crate::Limits::rate) or comes while the API shuts down never comes so
    /// far. Of a stream it sees the call and the result behind the items. It does not see items, what
    /// says that a call is given up, and changes of properties. An error of a notification's handler
    /// goes to [`on_error`](Self::on_error), and the notification counts as handled.
    ///
    /// **Where it runs.** Around an incoming call where its handlers do, and in their turn; around an
    /// outgoing one on the thread that calls. Values that it looks at are made for it, which
    /// costs something; without a layer, nothing of all this does. A panic in it fails the call.
    ///
    /// **What it changes.** Arguments by [`Call::set_args`]; the answer by returning another one, or by
    /// [`Outcome::replace`](crate::layer::Outcome::replace). What an outgoing call gets then has to be of
    /// its type, or it fails with [`Error::BadResult`](crate::Error::BadResult). An answer from which
    /// the layer has turned away is dropped when it comes.
    pub fn layer(&self, layer: impl Fn(&mut Call<'_>, Next<'_>) -> Answer + Send + Sync + 'static) {
        self.calls().around.add(Arc::new(layer));
    }
}
