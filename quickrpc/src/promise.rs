//! STUB
/// x
#[derive(Debug)]
pub struct Promise<T>(T);
/// x
#[derive(Debug)]
pub struct Promises<T>(T);
/// x
#[derive(Debug)]
pub struct Resolver<T>(T);
