//! What makes the properties of generated handles.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::property::{Form, Names, Property, RemoteProperty};
use crate::call::reply::Via;
use crate::format::property::PropertyDescription;

use super::handle::Api;

impl Api {
    #[doc(hidden)]
    pub fn __property<T, W>(&self, property: &'static PropertyDescription) -> Property<T>
    where
        T: Via<W> + Clone + Send + Sync + 'static,
        W: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
    {
        let slot = |call| self.__slot(call, || false);
        let read = slot(&property.calls.read);
        let write = property.calls.write.as_ref().map(slot);
        let names = Names::declared(property);
        Property::new(self.calls(), names, form::<T, W>(), &read, write.as_ref())
    }

    #[doc(hidden)]
    pub fn __remote_property<T, W>(
        &self,
        property: &'static PropertyDescription,
    ) -> RemoteProperty<T>
    where
        T: Via<W> + Clone + Send + Sync + 'static,
        W: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
    {
        let slot = self.__slot(&property.calls.change, || false);
        RemoteProperty::new(self.calls(), form::<T, W>(), slot)
    }
}

/// How the values of a declared property travel.
fn form<T, W>() -> Form<T>
where
    T: Via<W> + Clone + Send + Sync + 'static,
    W: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    Form::new::<W>(
        |call| call.args::<(W,)>((None,)).map(|(wire,)| T::from_wire(wire)),
        |call| call.args::<()>(()),
    )
}
