//! STUB
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::{OutArgs, WireArgs};
use crate::reply::{IntoReply, Via};
use crate::*;

/// A running or stopped API without its types; `Echo` dereferences to this.
#[derive(Clone, Debug)]
pub struct Api(Arc<()>);

impl Api {
    pub fn start(&self) -> Result<()> { todo!() }
    pub fn start_nonblocking(&self) -> Promise<()> { todo!() }
    pub fn stop(&self) -> Result<()> { todo!() }
    pub fn wait(&self) -> Result<()> { todo!() }
    pub fn peers(&self) -> Vec<Sender> { todo!() }
    pub fn disconnect(&self, _peer: impl Receivers) -> Result<()> { todo!() }
    pub fn local_addrs(&self) -> Vec<SocketAddr> { todo!() }
    pub fn unhandled_calls(&self) -> Vec<&'static str> { todo!() }
    #[doc(hidden)]
    pub fn __slot(&self, _call: &'static CallDescription) -> Slot { todo!() }
    #[doc(hidden)]
    pub fn __all(&self) -> Target { todo!() }
}

/// Named pieces that `#[remote_api]` generates for one side of an API.
pub trait Generated: Sized + 'static {
    const DESCRIPTION: Description;
    type Inverse: Generated;
    fn from_api(api: Api) -> Self;
}

/// Puts an API together.
#[derive(Debug)]
pub struct Builder<A>(PhantomData<A>);
impl<A: Generated> Builder<A> {
    #[doc(hidden)]
    pub fn __new() -> Self { todo!() }
    pub fn codec(self, _c: impl codec::IntoCodec) -> Self { todo!() }
    pub fn transport(self, _c: impl transport::IntoTransport) -> Self { todo!() }
    pub fn build(self) -> Result<A> { todo!() }
}
pub fn pair<A: Generated>() -> (A, A::Inverse) { todo!() }

/// A handler's place in its slot.
#[derive(Clone, Debug)]
pub struct Connection;
impl Connection {
    pub fn disconnect(&self) { todo!() }
    #[doc(hidden)]
    pub fn __group(_all: Vec<Connection>) -> Self { todo!() }
}
#[derive(Clone, Debug)]
pub enum DisconnectReason {}
#[derive(Clone, Debug)]
pub enum Processing { Inline, Queue, Pool(usize), Manual }

pub trait Handle: Sized + Clone {
    type Each;
    fn to(&self, receivers: impl Receivers) -> Self;
    fn timeout(&self, timeout: Duration) -> Self;
    fn each(&self) -> Self::Each;
    fn batch<R>(&self, send: impl FnOnce(&Self) -> R) -> R;
    fn peers(&self) -> Vec<Sender>;
    fn disconnect(&self, peer: impl Receivers) -> Result<()>;
}

#[derive(Clone, Debug)]
pub struct Target(Arc<()>);
impl Target {
    pub fn notify<A: OutArgs>(&self, _call: &'static CallDescription, _args: A) -> Result<()> { todo!() }
    pub fn call<T: Via<W> + Send + 'static, W: DeserializeOwned, A: OutArgs>(&self, _call: &'static CallDescription, _args: A) -> Promise<T> { todo!() }
    pub fn notify_each<A: OutArgs>(&self, _call: &'static CallDescription, _args: A) -> Vec<(Sender, Result<()>)> { todo!() }
    pub fn call_each<T: Via<W> + Send + 'static, W: DeserializeOwned, A: OutArgs>(&self, _call: &'static CallDescription, _args: A) -> Promises<T> { todo!() }
    pub fn to(&self, _receivers: impl Receivers) -> Self { todo!() }
    pub fn timeout(&self, _timeout: Duration) -> Self { todo!() }
    pub fn batch<R>(&self, _send: impl FnOnce() -> R) -> R { todo!() }
    pub fn peers(&self) -> Vec<Sender> { todo!() }
    pub fn disconnect(&self, _peer: impl Receivers) -> Result<()> { todo!() }
}

#[derive(Clone, Debug)]
pub struct Slot(Arc<()>);
impl Slot {
    pub fn connect<F>(&self, _handler: F) -> Connection where F: for<'a, 'de> Fn(&'a mut Invocation<'de>) -> Outcome + Send + Sync + 'static { todo!() }
    pub fn connect_local<F>(&self, _handler: F) -> Connection where F: for<'a, 'de> Fn(&'a mut Invocation<'de>) -> Outcome + 'static { todo!() }
    /// handler gets the invocation and a function that passes the item on
    pub fn subscribe<I: Send + 'static, F>(&self, _handler: F) -> Subscription<I> where F: for<'a, 'de> Fn(&'a mut Invocation<'de>, &dyn Fn(I)) -> Outcome + Send + Sync + 'static { todo!() }
}

#[derive(Debug)]
pub struct Invocation<'de>(PhantomData<&'de ()>);
impl<'de> Invocation<'de> {
    pub fn sender(&self) -> &'de Sender { todo!() }
    pub fn args<W: WireArgs<'de>>(&self, _defaults: W::Defaults) -> Result<W, Outcome> { todo!() }
    pub fn reply<T: Via<W>, W: Serialize + 'static, R: IntoReply<T>>(&mut self, _returned: R) -> Outcome { todo!() }
    pub fn done<R: IntoReply<()>>(&mut self, _returned: R) -> Outcome { todo!() }
    pub fn resolver<T: Via<W> + Send + 'static, W: Serialize + 'static>(&mut self) -> (Resolver<T>, Outcome) { todo!() }
}
#[derive(Debug)]
pub struct Outcome(());
