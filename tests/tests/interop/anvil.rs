//! A node of Ethereum's: Foundry's Anvil, over HTTP, and over WebSocket with what it tells by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quickrpc::{Error, Result, Stream, remote_api};
use quickrpc_tests::{Peer, eventually, inbox};
use serde::{Deserialize, Serialize};

use crate::node;

/// A part of its interface, as <https://ethereum.github.io/execution-apis/> has it.
#[remote_api(positional)]
trait Ethereum {
    #[outgoing]
    #[name = "eth_chainId"]
    fn chain_id(&self) -> Quantity;

    #[outgoing]
    #[name = "eth_accounts"]
    fn accounts(&self) -> Vec<String>;

    #[outgoing]
    #[name = "eth_blockNumber"]
    fn block_number(&self) -> Quantity;

    #[outgoing]
    #[name = "eth_getBalance"]
    fn balance(&self, address: &str, block: &str) -> Quantity;

    #[outgoing]
    #[name = "eth_sendTransaction"]
    fn send(&self, transaction: &Transaction) -> String;

    /// Nothing for one that is in no block.
    #[outgoing]
    #[name = "eth_getTransactionReceipt"]
    fn receipt(&self, hash: &str) -> Option<Receipt>;

    #[outgoing]
    #[name = "eth_getBlockByNumber"]
    fn block(&self, number: Quantity, with_transactions: bool) -> Option<Head>;

    #[outgoing(subscription(item = "eth_subscription", cancel = "eth_unsubscribe"))]
    #[name = "eth_subscribe"]
    fn heads(&self, kind: &str) -> Stream<Head>;

    /// Nobody has this.
    #[outgoing]
    #[name = "eth_nonsense"]
    fn nonsense(&self) -> String;
}

/// Numbers of theirs are text, in hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Quantity(u128);

impl TryFrom<String> for Quantity {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let digits = text.strip_prefix("0x").unwrap_or_default();
        let number = u128::from_str_radix(digits, 16);
        number
            .map(Quantity)
            .map_err(|why| format!("`{text}`: {why}"))
    }
}

impl From<Quantity> for String {
    fn from(number: Quantity) -> String {
        format!("{:#x}", number.0)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Transaction {
    from: String,
    to: String,
    value: Quantity,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    transaction_hash: String,
    block_number: Quantity,
    status: Quantity,
    gas_used: Quantity,
    effective_gas_price: Quantity,
}

/// What stands at the beginning of a block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    hash: String,
    parent_hash: String,
    number: Quantity,
}

/// Of a chain for developers, as its documentation says.
const CHAIN: Quantity = Quantity(31337);
const ETHER: u128 = 1_000_000_000_000_000_000;

/// A node that makes a block of each transaction, and a client by `<scheme>127.0.0.1:<port>`.
fn client(scheme: &str) -> Option<(Peer, Ethereum)> {
    let (anvil, address) = node()?.anvil();
    let client = Ethereum::bind("jrpc", format!("{scheme}{address}")).unwrap();
    client.start().unwrap();
    Some((anvil, client))
}

/// What holds over either transport; calls that it has not are told by this code.
fn pays(ethereum: &Ethereum, unheard_of: i64) {
    let node = ethereum.all();
    assert_eq!(node.chain_id().result(), Ok(CHAIN));
    let accounts = node.accounts().result().unwrap();
    let [from, to, ..] = &*accounts else {
        panic!("too few: {accounts:?}");
    };
    let balance = |of: &str| node.balance(of, "latest").result().unwrap().0;
    let before = (balance(from), balance(to));
    let transaction = Transaction {
        from: from.clone(),
        to: to.clone(),
        value: Quantity(3 * ETHER),
    };
    let hash = node.send(&transaction).result().unwrap();
    // It has taken the transaction, and makes a block of it soon.
    let receipt = || node.receipt(&hash).result().unwrap();
    eventually("a block", || receipt().is_some());
    let receipt = receipt().unwrap();
    assert_eq!(
        (&receipt.transaction_hash, receipt.status),
        (&hash, Quantity(1))
    );
    let fee = receipt.gas_used.0 * receipt.effective_gas_price.0;
    assert_eq!(balance(to), before.1 + 3 * ETHER);
    assert_eq!(balance(from), before.0 - 3 * ETHER - fee);
    assert_eq!(
        node.receipt(&format!("0x{}", "1".repeat(64))).result(),
        Ok(None)
    );

    // Side by side.
    let number = node.block_number().result().unwrap();
    let blocks: Vec<_> = (0..=number.0)
        .map(|one| node.block(Quantity(one), false))
        .collect();
    let blocks: Vec<_> = blocks
        .into_iter()
        .map(|block| block.result().unwrap().unwrap())
        .collect();
    for (one, next) in blocks.iter().zip(blocks.iter().skip(1)) {
        assert_eq!(
            (&next.parent_hash, next.number.0),
            (&one.hash, one.number.0 + 1)
        );
    }

    let error = |result: Result<String>| match result {
        Err(Error::Call(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error(node.nonsense().result()).code, unheard_of);
    let nobody = Transaction {
        value: Quantity(1_000_000_000 * ETHER),
        ..transaction
    };
    let refused = error(node.send(&nobody).result());
    assert!(refused.message.contains("nsufficient funds"), "{refused:?}");
    assert!(node.balance("nobody", "latest").result().is_err());
}

#[test]
fn over_http() {
    let Some((_anvil, ethereum)) = client("http://") else {
        return;
    };
    pays(&ethereum, -32601);
    // Nothing comes by itself.
    let mut heads = ethereum.all().heads("newHeads");
    let refused = heads.next();
    assert!(
        matches!(refused, Some(Err(Error::Unsupported { .. }))),
        "{refused:?}"
    );
}

#[test]
fn over_a_websocket() {
    let Some((_anvil, ethereum)) = client("ws:ws://") else {
        return;
    };
    // As arguments that are wrong.
    pays(&ethereum, -32602);
}

#[test]
fn it_tells_of_new_blocks() {
    let Some((_anvil, ethereum)) = client("ws:ws://") else {
        return;
    };
    let node = ethereum.all();
    let (told, heard) = inbox();
    let listens = Arc::new(AtomicBool::new(false));
    let hears = Arc::clone(&listens);
    let heads = node.heads("newHeads").each(move |head| {
        told.send(head).ok();
        hears.store(true, Ordering::SeqCst);
    });
    let accounts = node.accounts().result().unwrap();
    let transaction = Transaction {
        from: accounts[0].clone(),
        to: accounts[1].clone(),
        value: Quantity(1),
    };
    let send = || node.send(&transaction).result().unwrap();
    // Only the first that comes says that it listens.
    eventually("a head", || {
        send();
        listens.load(Ordering::SeqCst)
    });
    let mut last = heard.next();
    for _ in 0..3 {
        send();
        let head = heard.next();
        assert_eq!(
            (head.number.0, &head.parent_hash),
            (last.number.0 + 1, &last.hash)
        );
        let block = node.block(head.number, false).result().unwrap();
        assert_eq!(block.as_ref(), Some(&head));
        last = head;
    }
    heads.cancel();
    assert!(node.block_number().result().unwrap() >= last.number);
    let mut nothing = node.heads("nothing");
    assert!(matches!(nothing.next(), Some(Err(Error::Call(_)))));
}
