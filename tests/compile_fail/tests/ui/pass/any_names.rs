//! Calls may be called like methods of the handle, like methods of the standard library,
//! and like keywords.
#![deny(warnings)]

use std::time::Duration;

use quickrpc::remote_api;

#[remote_api]
pub trait Names {
    #[incoming]
    fn start(&self, now: bool);
    #[incoming]
    fn stop(&self) -> bool;
    #[incoming]
    fn to(&self, text: &str);
    #[incoming]
    fn timeout(&self) -> i64;
    #[incoming]
    fn each(&self);
    #[incoming]
    fn batch(&self, size: u32);
    #[incoming]
    fn peers(&self) -> Vec<String>;
    #[incoming]
    fn disconnect(&self);
    #[incoming]
    fn clone(&self) -> i64;
    #[incoming]
    fn r#type(&self, r#type: &str) -> String;
    #[incoming]
    fn fmt(&self);
    #[incoming]
    fn all(&self);
    #[incoming]
    fn builder(&self);
    #[incoming]
    fn connect(&self);
    #[incoming]
    fn deref(&self);
    #[incoming]
    fn drop(&self);
    #[incoming]
    fn serve(&self);
    #[incoming]
    fn add_one(&self);
    #[incoming]
    #[allow(non_snake_case)]
    fn addOne(&self);
    #[incoming]
    fn inverse_out(&self);
    #[outgoing]
    fn out(&self, self_: &str);
    #[outgoing]
    fn from_api(&self);
}

fn main() {
    let _ = |api: Names, hub: NamesInverse| -> quickrpc::Result<()> {
        api.start()?;
        api.start.connect(|_, now| assert!(now));
        api.stop.connect(|_| true);
        api.r#type.connect(|_, text| text.to_owned());
        api.clone.connect(|_| 1);
        api.all.connect(|_| ());
        api.add_one.connect(|_| ());
        api.addOne.connect(|_| ());
        api.inverse_out.connect(|_| ());
        api.stop()?;
        let _: Names = api.clone();
        api.all().out("x")?;
        let _ = api.all().peers();

        let hub = hub.all();
        let _: quickrpc::Promise<bool> = hub.stop();
        let _: quickrpc::Promise<i64> = hub.clone();
        let _: quickrpc::Promise<String> = hub.r#type("x");
        hub.start(true)?;
        hub.to("x")?;
        let _: quickrpc::Promise<i64> = hub.timeout();
        hub.fmt()?;
        hub.drop()?;
        let one = quickrpc::Handle::to(&hub, "somebody");
        let one: NamesInverseOutgoing = quickrpc::Handle::timeout(&one, Duration::from_secs(1));
        let each: NamesInverseOutgoingEach = quickrpc::Handle::each(&one);
        let _ = each.clone();
        Ok(())
    };
    assert_eq!(Names::DESCRIPTION.calls[9].name, "type");
    assert_eq!(Names::DESCRIPTION.calls[9].arguments[0].wire_name, "type");
}
