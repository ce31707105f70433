//! Properties of any names, in any place, without any import.
#![no_implicit_prelude]
#![deny(warnings)]

#[::quickrpc::remote_api]
/// Names that something else has as well.
trait Names {
    #[incoming(property, writable)]
    fn to(&self) -> ::std::string::String;
    #[outgoing(property, writable)]
    fn peers(&self) -> u8;
    #[incoming(property, writable)]
    fn r#type(&self) -> ::std::option::Option<u8>;
    #[incoming(property)]
    fn start(&self) -> ::std::vec::Vec<u8>;
    #[outgoing(property)]
    fn value(&self) -> (u8, u8);
    /// The same names the other way.
    #[outgoing]
    fn get_to(&self) -> u8;
    #[outgoing]
    fn set_to(&self, value: u8);
    #[incoming]
    fn to_changed(&self);
}

mod inner {
    #[derive(::std::clone::Clone, ::quickrpc::__private::serde::Serialize, ::quickrpc::__private::serde::Deserialize)]
    #[serde(crate = "::quickrpc::__private::serde")]
    pub struct Point(pub f64);
}

fn main() {
    #[::quickrpc::remote_api]
    trait Local {
        #[incoming(property, writable)]
        #[allow(non_snake_case)]
        fn Point(&self) -> inner::Point;
        #[incoming(property)]
        #[cfg(any())]
        fn not_there(&self);
        #[incoming(property)]
        #[deprecated]
        fn old(&self) -> Result<u8, ::std::num::ParseIntError>;
    }
    use ::std::result::Result;
    let (names, other) = Names::pair();
    names.to.set(::std::string::ToString::to_string("x")).unwrap();
    ::std::assert_eq!(other.all().to().result().unwrap(), "x");
    other.all().set_type(::std::option::Option::None).result().unwrap();
    ::std::assert_eq!(names.r#type.get(), ::std::option::Option::Some(::std::option::Option::None));
    other.peers.set(3).unwrap();
    ::std::assert_eq!(names.all().peers().result().unwrap(), 3);
    names.all().set_peers(4).result().unwrap();
    ::std::assert_eq!(other.peers.get(), ::std::option::Option::Some(4));
    ::std::assert_eq!(::quickrpc::Handle::peers(&names.all()).len(), 1);

    let (local, other) = Local::pair();
    local.Point.set(inner::Point(1.0)).unwrap();
    other.all().set_Point(inner::Point(2.0)).result().unwrap();
    ::std::assert_eq!(local.Point.get().unwrap().0, 2.0);
    ::std::assert_eq!(Local::DESCRIPTION.properties.len(), 2);
}
