//! `impl EchoIncoming for MyServer` in place of one `connect` per slot.

use std::sync::Mutex;

use quickrpc::{CallError, Direction, Sender, remote_api};
use quickrpc_tests::inbox;

use crate::{call_error, settled};

/// A shop.
#[remote_api]
trait Shop {
    /// Buys some of a thing.
    #[incoming]
    fn buy(
        &self,
        /// What to buy.
        item: &str,
        /// How many.
        #[default(1)]
        count: u32,
    ) -> Result<u32, CallError>;

    /// Gives something back.
    #[incoming]
    fn give_back(&self, item: String);

    /// Something is sold out.
    #[outgoing]
    fn sold_out(&self, item: &str);
}

struct Counter {
    stock: Mutex<u32>,
    customers: ShopOutgoing,
}

impl ShopIncoming for Counter {
    fn buy(&self, sender: &Sender, item: &str, count: u32) -> Result<u32, CallError> {
        let mut stock = self.stock.lock().unwrap();
        let left = stock.checked_sub(count);
        *stock = left.ok_or_else(|| CallError::new(3, "not enough"))?;
        if *stock == 0 {
            self.customers.to(sender).sold_out(item).ok();
        }
        Ok(*stock)
    }

    fn give_back(&self, _sender: &Sender, _item: String) {
        *self.stock.lock().unwrap() += 1;
    }
}

#[test]
fn an_object_serves_all_calls() {
    let (shop, customer) = Shop::pair();
    let (seen, log) = inbox();
    customer.sold_out.connect(move |_sender, item| {
        seen.send(item.to_owned()).unwrap();
    });
    let connection = shop.serve(Counter {
        stock: Mutex::new(3),
        customers: shop.all(),
    });
    assert!(shop.unhandled_calls().is_empty());
    assert_eq!(settled(customer.all().buy("tea", 2)).unwrap(), 1);
    assert_eq!(call_error(settled(customer.all().buy("tea", 2))).code, 3);
    customer.all().give_back(String::from("tea")).unwrap();
    assert_eq!(settled(customer.all().buy("tea", 2)).unwrap(), 0);
    assert_eq!(log.next(), "tea");
    connection.disconnect();
    assert_eq!(shop.unhandled_calls(), ["buy", "give_back"]);
}

#[test]
fn the_description_says_it_all() {
    let shop = Shop::DESCRIPTION;
    assert_eq!((shop.name, shop.docs.trim()), ("Shop", "A shop."));
    let [buy, give_back, sold_out] = shop.calls else {
        panic!("three calls: {:?}", shop.calls);
    };
    assert_eq!(buy.direction, Direction::Incoming);
    assert_eq!(buy.docs.trim(), "Buys some of a thing.");
    assert!(buy.has_reply());
    assert_eq!(buy.arguments[0].name, "item");
    assert_eq!(buy.arguments[0].docs.trim(), "What to buy.");
    assert_eq!(buy.arguments[1].default, Some("1"));
    assert!(!give_back.has_reply());
    assert_eq!(sold_out.direction, Direction::Outgoing);

    const DIRECTIONS: [Direction; 3] = [
        Direction::Outgoing,
        Direction::Outgoing,
        Direction::Incoming,
    ];
    let inverse = ShopInverse::DESCRIPTION;
    let directions: Vec<_> = inverse.calls.iter().map(|call| call.direction).collect();
    assert_eq!(directions, DIRECTIONS);
}
