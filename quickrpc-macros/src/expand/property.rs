//! Properties: a field on both sides, and on the other side what reads and writes it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned as _;

use super::description::option;
use super::{Side, docs};
use crate::model::{Call, PropertyParts, Returned, option_value, travels};
use crate::parse::Lints;

/// A property, which is whose, and its place in the description.
pub(super) struct Property<'a> {
    pub(super) index: usize,
    pub(super) call: &'a Call,
    pub(super) parts: &'a PropertyParts,
    value: &'a Returned,
    /// It is this side's.
    pub(super) own: bool,
}

impl<'a> Property<'a> {
    pub(super) fn all(calls: &'a [Call], declared: bool) -> Vec<Self> {
        let properties = calls.iter().enumerate().filter_map(|(index, call)| {
            Some(Property {
                index,
                call,
                parts: call.property.as_ref()?,
                // Without one it was taken out before.
                value: call.result.as_ref()?,
                own: call.is_incoming() == declared,
            })
        });
        properties.collect()
    }

    /// The names of what it adds to the methods that send.
    pub(super) fn senders(&self) -> impl Iterator<Item = &'a Ident> {
        let setter = (self.parts.writable && !self.own).then_some(&self.parts.setter);
        (!self.own)
            .then_some(&self.call.name)
            .into_iter()
            .chain(setter)
    }
}

impl Side<'_> {
    pub(super) fn property_fields(&self) -> TokenStream {
        let fields = self.properties.iter().map(|property| {
            let (krate, vis) = (self.krate, self.visibility);
            let (call, value) = (property.call, &property.value.value);
            let (name, deprecated, lints) = (&call.name, &call.deprecated, call.lints.silenced());
            let (note, kind) = match property.own {
                true => (
                    format!("The property `{name}` of this side."),
                    match property.parts.writable {
                        true => quote!(WritableProperty),
                        false => quote!(Property),
                    },
                ),
                false => (
                    format!("Hears of the property `{name}` of the other side."),
                    quote!(RemoteProperty),
                ),
            };
            let docs = docs::of_call(call, &note);
            quote!(#docs #deprecated #lints #vis #name: #krate::#kind<#value>,)
        });
        fields.collect()
    }

    /// What makes the fields.
    pub(super) fn property_values(&self) -> TokenStream {
        let values = self.properties.iter().map(|property| {
            let (krate, handle, index) = (self.krate, &self.names.handle, property.index);
            let (name, value, wire) = (
                &property.call.name,
                &property.value.value,
                property.value.wire(self.krate),
            );
            let make = match property.own {
                true if property.parts.writable => quote!(__writable_property),
                true => quote!(__property),
                false => quote!(__remote_property),
            };
            let lints = property.call.lints.silenced();
            let errors = self.errors(Some(property.value));
            // Errors of the type are to be at the type.
            let form = quote_spanned! {value.span()=>
                #krate::__private::property_form::<#value, #wire>()
            };
            let travels = travels(value, &wire, krate);
            quote! {
                #name: {
                    #lints
                    let property = {
                        #travels
                        api.#make(const { &#handle::DESCRIPTION.properties[#index] }, #form, #errors)
                    };
                    property
                },
            }
        });
        values.collect()
    }

    /// What connects a server's methods to the properties of this side.
    pub(super) fn serve_properties(&self) -> Vec<TokenStream> {
        let mut connections = Vec::new();
        for property in self.properties.iter().filter(|property| property.own) {
            let (incoming, name) = (&self.names.incoming, &property.call.name);
            let mut returned = quote!(<S as #incoming>::#name(&*server, sender));
            if property.value.is_fallible_promise() {
                let krate = self.krate;
                returned = quote!(#krate::__private::served(#returned));
            }
            connections.push(quote! {{
                let server = ::core::clone::Clone::clone(&server);
                self.#name.on_read(move |sender| #returned)
            }});
            if property.parts.writable {
                let setter = &property.parts.setter;
                connections.push(quote! {{
                    let server = ::core::clone::Clone::clone(&server);
                    self.#name.on_write(move |sender, value| {
                        <S as #incoming>::#setter(&*server, sender, value)
                    })
                }});
            }
        }
        connections
    }

    /// The same for one of `async fn`s.
    pub(super) fn serve_properties_async(&self) -> Vec<TokenStream> {
        let mut connections = Vec::new();
        for property in self.properties.iter().filter(|property| property.own) {
            let (incoming, name) = (&self.names.incoming_async, &property.call.name);
            let mut returned = quote!(<S as #incoming>::#name(&*server, sender).await);
            if property.value.is_fallible_promise() {
                let krate = self.krate;
                returned = quote!(#krate::__private::served(#returned));
            }
            connections.push(quote! {{
                let server = ::core::clone::Clone::clone(&server);
                self.#name.on_read_async(move |sender| {
                    let server = ::core::clone::Clone::clone(&server);
                    async move { #returned }
                })
            }});
            if property.parts.writable {
                let setter = &property.parts.setter;
                connections.push(quote! {{
                    let server = ::core::clone::Clone::clone(&server);
                    self.#name.on_write_async(move |sender, value| {
                        let server = ::core::clone::Clone::clone(&server);
                        async move { <S as #incoming>::#setter(&*server, sender, value).await }
                    })
                }});
            }
        }
        connections
    }

    /// The methods of the trait of incoming calls with `async fn`s.
    pub(super) fn async_properties(&self) -> TokenStream {
        let own = self.properties.iter().filter(|property| property.own);
        let methods = own.map(|property| {
            let (krate, call) = (self.krate, property.call);
            let (name, lints) = (&call.name, call.lints.silenced());
            let declared = &property.value.declared;
            let reads = docs::of_call(call, &format!("Gives the value of the property `{name}`."));
            let write = property.parts.writable.then(|| {
                let (setter, value) = (&property.parts.setter, &property.value.value);
                let error = self.write_error(property);
                let docs = self.writes(
                    property,
                    &format!(
                        "Decides about a value for the property `{name}` that the other side \
                         writes; an error refuses it."
                    ),
                );
                quote! {
                    #docs
                    #lints
                    fn #setter(&self, sender: #krate::Sender, value: #value)
                        -> impl ::core::future::Future<Output = ::core::result::Result<(), #error>>
                            + ::core::marker::Send;
                }
            });
            quote! {
                #reads
                #lints
                fn #name(&self, sender: #krate::Sender)
                    -> impl ::core::future::Future<Output = #declared> + ::core::marker::Send;
                #write
            }
        });
        methods.collect()
    }

    /// The same methods of a server that is shared.
    pub(super) fn shared_async_properties(&self) -> TokenStream {
        let server = &self.api.handler_type;
        let own = self.properties.iter().filter(|property| property.own);
        let methods = own.map(|property| {
            let (krate, call) = (self.krate, property.call);
            let (incoming, name) = (&self.names.incoming_async, &call.name);
            let (declared, value) = (&property.value.declared, &property.value.value);
            let lints = call.lints.silenced();
            let write = property.parts.writable.then(|| {
                let (setter, error) = (&property.parts.setter, self.write_error(property));
                quote! {
                    #lints
                    fn #setter(&self, sender: #krate::Sender, value: #value)
                        -> impl ::core::future::Future<Output = ::core::result::Result<(), #error>>
                            + ::core::marker::Send
                    {
                        <#server as #incoming>::#setter(&**self, sender, value)
                    }
                }
            });
            quote! {
                #lints
                fn #name(&self, sender: #krate::Sender)
                    -> impl ::core::future::Future<Output = #declared> + ::core::marker::Send
                {
                    <#server as #incoming>::#name(&**self, sender)
                }
                #write
            }
        });
        methods.collect()
    }

    /// What refuses a value that is written.
    fn write_error(&self, property: &Property<'_>) -> TokenStream {
        let krate = self.krate;
        match property.value.error() {
            Some(error) => quote!(#error),
            None => quote!(#krate::BoxError),
        }
    }

    /// The methods of the trait of incoming calls.
    pub(super) fn incoming_properties(&self) -> TokenStream {
        let own = self.properties.iter().filter(|property| property.own);
        let methods = own.map(|property| {
            let (krate, call) = (self.krate, property.call);
            let name = &call.name;
            let (deprecated, lints) = (&call.deprecated, call.lints.silenced());
            let declared = &property.value.declared;
            let reads = docs::of_call(call, &format!("Gives the value of the property `{name}`."));
            let write = property.parts.writable.then(|| {
                let (setter, value) = (&property.parts.setter, &property.value.value);
                let error = self.write_error(property);
                let docs = self.writes(
                    property,
                    &format!(
                        "Decides about a value for the property `{name}` that the other side \
                         writes; an error refuses it."
                    ),
                );
                quote! {
                    #docs
                    #deprecated
                    #lints
                    fn #setter(&self, sender: &#krate::Sender, value: &#value)
                        -> ::core::result::Result<(), #error>;
                }
            });
            quote! {
                #reads
                #deprecated
                #lints
                fn #name(&self, sender: &#krate::Sender) -> #declared;
                #write
            }
        });
        methods.collect()
    }

    /// The same methods of a server that is shared.
    pub(super) fn shared_properties(&self) -> TokenStream {
        let server = &self.api.handler_type;
        let own = self.properties.iter().filter(|property| property.own);
        let methods = own.map(|property| {
            let (krate, incoming, name) = (self.krate, &self.names.incoming, &property.call.name);
            let (declared, value) = (&property.value.declared, &property.value.value);
            let lints = property.call.lints.silenced();
            let write = property.parts.writable.then(|| {
                let (setter, error) = (&property.parts.setter, self.write_error(property));
                quote! {
                    #lints
                    fn #setter(&self, sender: &#krate::Sender, value: &#value)
                        -> ::core::result::Result<(), #error>
                    {
                        <#server as #incoming>::#setter(&**self, sender, value)
                    }
                }
            });
            quote! {
                #lints
                fn #name(&self, sender: &#krate::Sender) -> #declared {
                    <#server as #incoming>::#name(&**self, sender)
                }
                #write
            }
        });
        methods.collect()
    }

    /// What reads and writes the properties of the other side; one result for each receiver if
    /// it is for `each()`.
    pub(super) fn property_senders(&self, each: bool) -> TokenStream {
        let krate = self.krate;
        let (promise, to) = match each {
            false => (quote!(#krate::Promise), ""),
            true => (quote!(#krate::Promises), " of each receiver"),
        };
        let (read_by, write_by) = match each {
            false => (format_ident!("read"), format_ident!("write")),
            true => (format_ident!("read_each"), format_ident!("write_each")),
        };
        let remote = self.properties.iter().filter(|property| !property.own);
        let senders = remote.map(|property| {
            let (vis, handle, index) = (self.visibility, &self.names.handle, property.index);
            let (call, parts) = (property.call, property.parts);
            let (name, deprecated, must_use) = (&call.name, &call.deprecated, &call.must_use);
            let lints = match each {
                false => Lints::as_declared(&call.lints),
                true => Lints::silenced(&call.lints),
            };
            let (value, wire) = (&property.value.value, property.value.wire(krate));
            let travels = travels(value, &wire, krate);
            let description = quote!(#handle::DESCRIPTION.properties[#index]);
            let reads = docs::of_call(call, &format!("Reads the property `{name}`{to}."));
            let write = parts.writable.then(|| {
                let setter = &parts.setter;
                let silenced = call.lints.silenced();
                let docs = self.writes(property, &format!("Writes the property `{name}`{to}."));
                quote! {
                    #docs
                    #deprecated
                    #silenced
                    #vis fn #setter(&self, value: #value) -> #promise<()> {
                        #travels
                        const CALL: &#krate::CallDescription = match &#description.calls.write {
                            ::core::option::Option::Some(call) => call,
                            ::core::option::Option::None => &#description.calls.read,
                        };
                        self.0.#write_by::<#value, #wire>(CALL, value)
                    }
                }
            });
            quote! {
                #reads
                #deprecated
                #must_use
                #lints
                #vis fn #name(&self) -> #promise<#value> {
                    #travels
                    self.0.#read_by::<#value, #wire>(const { &#description })
                }
                #write
            }
        });
        senders.collect()
    }

    fn writes(&self, property: &Property<'_>, note: &str) -> TokenStream {
        match write_role(property.call) {
            Some(role) => {
                let note = format!("{note} The writer needs the role `{role}`.");
                docs::with_note(&property.call.docs, &note)
            }
            None => docs::with_note(&property.call.docs, note),
        }
    }

    pub(super) fn describe_property(&self, call: &Call) -> Option<TokenStream> {
        let (krate, property, value) = (self.krate, call.property.as_ref()?, call.result.as_ref()?);
        let name = syn::ext::IdentExt::unraw(&call.name).to_string();
        let setter = property.setter.to_string();
        let wire_name = &call.wire_name.text;
        let (direction, back) = match call.is_incoming() == self.declared {
            true => (quote!(Incoming), quote!(Outgoing)),
            false => (quote!(Outgoing), quote!(Incoming)),
        };
        let docs = docs::text(&call.docs);
        let type_name = crate::text::of(&value.value);
        let (writable, positional, ignore_unknown) =
            (property.writable, call.positional, self.api.ignore_unknown);
        let optional = option_value(&value.value).is_some();
        let schema = self.schema(value.wire(krate));
        let deprecated = call.deprecated.is_some();
        let argument = quote! {
            {
            // In an `Option`, older compilers keep no temporary value.
            const ARGUMENTS: &[#krate::ArgumentDescription] = &[#krate::ArgumentDescription {
                name: "value",
                wire_name: "value",
                quoted: "\"value\"",
                type_name: #type_name,
                schema: #schema,
                default: ::core::option::Option::None,
                optional: #optional,
                whole: false,
                docs: "",
            }];
            ARGUMENTS }
        };
        let timeout = super::description::timeout(call);
        let part =
            |name: &str, wire_name: &str, direction, arguments, role, result: Option<String>| {
                let result_schema = match &result {
                    Some(result) if *result == type_name => schema.clone(),
                    _ => quote!(#krate::TypeSchema::NONE),
                };
                let (role, result) = (option(role), option(result));
                quote! {
                    #krate::CallDescription {
                        name: #name,
                        wire_name: #wire_name,
                        direction: #krate::Direction::#direction,
                        docs: #docs,
                        arguments: #arguments,
                        positional: #positional,
                        concurrent: false,
                        ignore_unknown: #ignore_unknown,
                        role: #role,
                        timeout: #timeout,
                        result: #result,
                        schema: #result_schema,
                        item: ::core::option::Option::None,
                        error: ::core::option::Option::None,
                        deprecated: #deprecated,
                    }
                }
            };
        let read = part(
            &name,
            &property.read.text,
            &direction,
            quote!(&[]),
            call.role.clone(),
            Some(type_name.clone()),
        );
        let change = part(
            &name,
            &property.change.text,
            &back,
            argument.clone(),
            None,
            None,
        );
        let write = match property.writable {
            true => {
                let write = part(
                    &setter,
                    &property.write.text,
                    &direction,
                    argument,
                    write_role(call).cloned(),
                    Some("()".to_owned()),
                );
                quote!(::core::option::Option::Some(#write))
            }
            false => quote!(::core::option::Option::None),
        };
        let (role, write_role) = (
            option(call.role.clone()),
            option(property.write_role.clone()),
        );
        Some(quote! {
            #krate::PropertyDescription {
                name: #name,
                wire_name: #wire_name,
                direction: #krate::Direction::#direction,
                docs: #docs,
                type_name: #type_name,
                schema: #schema,
                writable: #writable,
                role: #role,
                write_role: #write_role,
                calls: #krate::PropertyCalls {
                    read: #read,
                    write: #write,
                    change: #change,
                },
            }
        })
    }
}

/// The role that a writer needs.
fn write_role(call: &Call) -> Option<&String> {
    let own = call.property.as_ref()?.write_role.as_ref();
    own.or(call.role.as_ref())
}
