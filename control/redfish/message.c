/* SPDX-License-Identifier: Apache-2.0 */
#include "control/redfish/room.h"

/* Messages of DMTF's Base registry 1.22.1 that this service sends (and of others, by their whole id), and the HTTP status that goes with each. A test compares
 * them with the registries. */
#define BASE "Base.1.22."
static const struct pl_message MESSAGES[] = {
    {"Success", "OK", "The request completed successfully.",
     "None.", 200},
    {"GeneralError", "Critical", "A general error has occurred.  See Resolution for information on how to resolve the error, or @Message.ExtendedInfo "
     "if Resolution is not provided.",
     "None.", 500},
    {"Created", "OK", "The resource was created successfully.",
     "None.", 201},
    {"NoOperation", "Warning", "The request body submitted contain no data to act upon and no changes to the resource took place.",
     "Add properties in the JSON object and resubmit the request.", 400},
    {"PropertyNotWritable", "Warning", "The property %1 is a read-only property and cannot be assigned a value.",
     "Remove the property from the request body and resubmit the request if the operation failed.", 400},
    {"PropertyUnknown", "Warning", "The property %1 is not in the list of valid properties for the resource.",
     "Remove the unknown property from the request body and resubmit the request if the operation failed.", 400},
    {"PropertyValueTypeError", "Warning", "The value '%1' for the property %2 is not a type that the property can accept.",
     "Correct the value for the property in the request body and resubmit the request if the operation failed.", 400},
    {"PropertyValueFormatError", "Warning", "The value '%1' for the property %2 is not a format that the property can accept.",
     "Correct the value for the property in the request body and resubmit the request if the operation failed.", 400},
    {"PropertyValueNotInList", "Warning", "The value '%1' for the property %2 is not in the list of acceptable values.",
     "Choose a value from the enumeration list that the implementation can support and resubmit the request if the operation failed.", 400},
    {"PropertyValueOutOfRange", "Warning", "The value '%1' for the property %2 is not in the supported range of acceptable values.",
     "Correct the value for the property in the request body and resubmit the request if the operation failed.", 400},
    {"PropertyValueError", "Warning", "The value provided for the property %1 is not valid.",
     "Correct the value for the property in the request body and resubmit the request if the operation failed.", 400},
    {"PropertyMissing", "Warning", "The property %1 is a required property and must be included in the request.",
     "Ensure that the property is in the request body and has a valid value and resubmit the request if the operation failed.", 400},
    {"PropertyDuplicate", "Warning", "The property %1 was duplicated in the request.",
     "Remove the duplicate property from the request body and resubmit the request if the operation failed.", 400},
    {"PropertyValueConflict", "Warning", "The property '%1' could not be written because its value would conflict with the value of the '%2' property.",
     "None.", 409},
    {"PropertyValueIncorrect", "Warning", "The property '%1' with the requested value of '%2' could not be written because the value is not "
     "acceptable for the property.",
     "None.", 400},
    {"PropertyNotUpdated", "Critical", "The property %1 was not updated due to an internal service error.  The service is still operational.",
     "Resubmit the request.  If the problem persists, check for additional messages and consider resetting the service.", 400},
    {"MalformedJSON", "Critical", "The request body submitted was malformed JSON and could not be parsed by the receiving service.",
     "Ensure that the request body is valid JSON and resubmit the request.", 400},
    {"EmptyJSON", "Warning", "The request body submitted contained an empty JSON object and the service is unable to process it.",
     "Add properties in the JSON object and resubmit the request.", 400},
    {"UnrecognizedRequestBody", "Warning", "The service detected a malformed request body that it was unable to interpret.",
     "Correct the request body and resubmit the request if it failed.", 400},
    {"ActionNotSupported", "Critical", "The action %1 is not supported by the resource.",
     "Check the Actions property in the resource for the supported actions.", 404},
    {"ActionParameterMissing", "Critical", "The action %1 requires the parameter %2 to be present in the request body.",
     "Supply the action with the required parameter in the request body when the request is resubmitted.", 400},
    {"ActionParameterUnknown", "Warning", "The action %1 was submitted with the invalid parameter %2.",
     "Correct the invalid action parameter and resubmit the request if the operation failed.", 400},
    {"ActionParameterValueTypeError", "Warning", "The value '%1' for the parameter %2 in the action %3 is not a type that the parameter can accept.",
     "Correct the value for the parameter in the request body and resubmit the request if the operation failed.", 400},
    {"ActionParameterValueNotInList", "Warning", "The value '%1' for the parameter %2 in the action %3 is not in the list of acceptable values.",
     "Choose a value from the enumeration list that the implementation can support and resubmit the request if the operation failed.", 400},
    {"ActionParameterValueOutOfRange", "Warning", "The value '%1' for the parameter %2 in the action %3 is not in the supported range of acceptable values.",
     "Correct the value for the parameter in the request body and resubmit the request if the operation failed.", 400},
    {"ActionParameterValueFormatError", "Warning", "The value '%1' for the parameter %2 in the action %3 is not a format that the parameter can accept.",
     "Correct the value for the parameter in the request body and resubmit the request if the operation failed.", 400},
    {"ActionParameterNotSupported", "Warning", "The parameter %1 for the action %2 is not supported on the target resource.",
     "Remove the parameter supplied and resubmit the request if the operation failed.", 400},
    {"ActionParameterValueError", "Warning", "The value for the parameter %1 in the action %2 is invalid.",
     "Correct the value for the parameter in the request body and resubmit the request if the operation failed.", 400},
    {"CreateFailedMissingReqProperties", "Critical", "The create operation failed because the required property %1 was missing from the request.",
     "Correct the body to include the required property with a valid value and resubmit the request if the operation failed.", 400},
    {"CreateLimitReachedForResource", "Critical", "The create operation failed because the resource has reached the limit of possible resources.",
     "Either delete resources and resubmit the request if the operation failed or do not resubmit the request.", 503},
    {"ResourceMissingAtURI", "Critical", "The resource at the URI '%1' was not found.",
     "Place a valid resource at the URI or correct the URI and resubmit the request.", 404},
    {"ResourceNotFound", "Critical", "The requested resource of type %1 named '%2' was not found.",
     "Provide a valid resource identifier and resubmit the request.", 404},
    {"ResourceInUse", "Warning", "The change to the requested resource failed because the resource is in use or in transition.",
     "Remove the condition and resubmit the request if the operation failed.", 409},
    {"ResourceAlreadyExists", "Critical", "The requested resource of type %1 with the property %2 with the value '%3' already exists.",
     "Do not repeat the create operation as the resource was already created.", 409},
    {"ResourceCannotBeDeleted", "Critical", "The delete request failed because the resource requested cannot be deleted.",
     "Do not attempt to delete a non-deletable resource.", 405},
    {"OperationNotAllowed", "Critical", "The HTTP method is not allowed on this resource.",
     "None.", 405},
    {"OperationFailed", "Warning", "An error occurred internal to the service as part of the overall request.  Partial results may have been returned.",
     "Resubmit the request.  If the problem persists, consider resetting the service or provider.", 500},
    {"OperationTimeout", "Warning", "A timeout internal to the service occurred as part of the request.  Partial results may have been returned.",
     "Resubmit the request.  If the problem persists, consider resetting the service or provider.", 504},
    {"InternalError", "Critical", "The request failed due to an internal service error.  The service is still operational.",
     "Resubmit the request.  If the problem persists, consider resetting the service.", 500},
    {"ServiceTemporarilyUnavailable", "Critical", "The service is temporarily unavailable.  Retry in %1 seconds.",
     "Wait for the indicated retry duration and retry the operation.", 503},
    {"ServiceShuttingDown", "Critical", "The operation failed because the service is shutting down and can no longer take incoming requests.",
     "When the service becomes available, resubmit the request if the operation failed.", 503},
    {"ServiceInUnknownState", "Critical", "The operation failed because the service is in an unknown state and can no longer take incoming requests.",
     "Restart the service and resubmit the request if the operation failed.", 503},
    {"InsufficientPrivilege", "Critical", "There are insufficient privileges for the account or credentials associated with the current session to "
     "perform the requested operation.",
     "Either abandon the operation or change the associated access rights and resubmit the request if the operation failed.", 403},
    {"NoValidSession", "Critical", "There is no valid session established with the implementation.",
     "Establish a session before attempting any operations.", 401},
    {"AuthenticationTokenRequired", "Critical", "The request could not be performed because an authentication token was not provided.",
     "Obtain an authentication token and resubmit the request.", 401},
    {"AccessUnauthorized", "Critical", "Unauthorized.",
     "Resubmit the request with valid credentials.", 401},
    {"AccessDenied", "Critical", "While attempting to establish a connection to '%1', the service denied access.",
     "Attempt to ensure that the URI is correct and that the service has the appropriate credentials.", 403},
    {"AccessForbidden", "Critical", "Forbidden.",
     "Resubmit the request with credentials that contain the necessary privileges to perform the requested operation.", 403},
    {"ResourceAtUriUnauthorized", "Critical", "While accessing the resource at '%1', the service received an authorization error '%2'.",
     "Ensure that the appropriate access is provided for the service in order for it to access the URI.", 401},
    {"SessionLimitExceeded", "Critical", "The session establishment failed due to the number of simultaneous sessions exceeding the limit of the "
     "implementation.",
     "Reduce the number of other sessions before trying to establish the session or increase the limit of simultaneous sessions, if supported.", 503},
    {"PasswordChangeRequired", "Critical", "The password provided for this account must be changed before access is granted.  PATCH the Password "
     "property for this account located at the target URI '%1' to complete this process.",
     "Change the password for this account using a PATCH to the Password property at the URI provided.", 403},
    {"PasswordIncorrectLength", "Critical", "The password provided for this account does not meet the password length requirements of the service.",
     "Resubmit the request with a password that meets the password length requirements as specified by the `MinPasswordLength` and "
     "`MaxPasswordLength` properties in the `AccountService` resource.", 400},
    {"PasswordComplexityNotMet", "Critical", "The password provided for this account does not meet the password complexity requirements of the service.",
     "Resubmit the request with a password that meets the password complexity requirements as specified by the `PasswordGuidanceMessage` property in "
     "the `AccountService` resource.", 400},
    {"PreconditionFailed", "Critical", "The ETag supplied did not match the ETag required to change this resource.",
     "Try the operation again using the appropriate ETag.", 412},
    {"HeaderInvalid", "Critical", "Header '%1' is invalid.",
     "Resubmit the request with a valid request header.", 400},
    {"HeaderMissing", "Critical", "Required header '%1' is missing in the request.",
     "Resubmit the request with the required request header.", 400},
    {"QueryParameterUnsupported", "Warning", "Query parameter '%1' is not supported.",
     "Correct or remove the query parameter and resubmit the request.", 501},
    {"QueryParameterValueTypeError", "Warning", "The value '%1' for the query parameter %2 is not a type that the parameter can accept.",
     "Correct the value for the query parameter in the request and resubmit the request if the operation failed.", 400},
    {"QueryParameterValueFormatError", "Warning", "The value '%1' for the parameter %2 is not a format that the parameter can accept.",
     "Correct the value for the query parameter in the request and resubmit the request if the operation failed.", 400},
    {"QueryParameterValueError", "Warning", "The value for the parameter %1 is invalid.",
     "Correct the value for the query parameter in the request and resubmit the request if the operation failed.", 400},
    {"QueryParameterOutOfRange", "Warning", "The value '%1' for the query parameter %2 is out of range %3.",
     "Reduce the value for the query parameter to a value that is within range, such as a start or count value that is within bounds of the number of "
     "resources in a collection or a page number that is within the range of valid pages.", 400},
    {"QueryCombinationInvalid", "Warning", "Two or more query parameters in the request cannot be used together.",
     "Remove one or more of the query parameters and resubmit the request if the operation failed.", 400},
    {"QueryNotSupported", "Warning", "Querying is not supported by the implementation.",
     "Remove the query parameters and resubmit the request if the operation failed.", 501},
    {"QueryNotSupportedOnResource", "Warning", "Querying is not supported on the requested resource.",
     "Remove the query parameters and resubmit the request if the operation failed.", 400},
    {"QueryNotSupportedOnOperation", "Warning", "Querying is not supported with the requested operation.",
     "Remove the query parameters and resubmit the request if the operation failed.", 400},
    {"PayloadTooLarge", "Critical", "The supplied payload exceeds the maximum size supported by the service.",
     "Check that the supplied payload is correct and supported by this service.", 413},
    {"ResourceExhaustion", "Critical", "The resource '%1' was unable to satisfy the request due to unavailability of resources.",
     "Ensure that the resources are available and resubmit the request.", 503},
    {"RestrictedRole", "Warning", "The operation was not successful because the role '%1' is restricted.",
     "No resolution is required.  For standard roles, consider using the role specified in the AlternateRoleId property in the Role resource.", 400},
    {"RestrictedPrivilege", "Warning", "The operation was not successful because the privilege '%1' is restricted.",
     "Remove restricted privileges from the request body and resubmit the request.", 400},
    {"ResourceCreationConflict", "Warning", "The resource could not be created.  The service has a resource at URI '%1' that conflicts with the "
     "creation request.",
     "None.", 409},
    {"StringValueTooLong", "Warning", "The string '%1' exceeds the length limit %2.",
     "Resubmit the request with an appropriate string length.", 400},
    {"StringValueTooShort", "Warning", "The string '%1' was under the minimum required length %2.",
     "Resubmit the request with an appropriate string length.", 400},
    {"InvalidURI", "Critical", "The URI %1 was not found.",
     "Provide a valid URI and resubmit the request.", 400},
    {"InvalidObject", "Critical", "The object at '%1' is invalid.",
     "Either the object is malformed or the URI is not correct.  Correct the condition and resubmit the request if it failed.", 400},
    {"SessionTerminated", "OK", "The session was successfully terminated.",
     "None.", 200},
    {"AccountRemoved", "OK", "The account was successfully removed.",
     "None.", 200},
    {"PropertyModified", "OK", "One or more properties were successfully modified.",
     "None.", 200},
    {"ResourceInStandby", "Critical", "The request could not be performed because the resource is in standby.",
     "Ensure that the resource is in the correct power state and resubmit the request.", 409},
    {"UndeterminedFault", "Critical", "An undetermined fault condition was reported by '%1'.",
     "None.", 500},
    {"AccountNotModified", "Warning", "The account modification request failed.",
     "The modification may have failed due to permission issues or issues with the request body.", 400},
    {"EventSubscriptionLimitExceeded", "Critical", "The event subscription failed due to the number of simultaneous subscriptions exceeding the limit "
     "of the implementation.",
     "Reduce the number of other subscriptions before trying to establish the event subscription or increase the limit of simultaneous subscriptions, "
     "if supported.", 503},
    {"SubscriptionTerminated", "OK", "The event subscription was terminated.",
     "None.", 200},
    {"ActionParameterDuplicate", "Warning", "The action %1 was submitted with more than one value for the parameter %2.",
     "Resubmit the action with only one instance of the action parameter in the request body if the operation failed.", 400},
    {"PropertyValueResourceConflict", "Warning", "The property '%1' with the requested value of '%2' could not be written because the value conflicts "
     "with the state or configuration of the resource at '%3'.",
     "None.", 409},
    {"MissingOrMalformedPart", "Critical", "The multipart request contains malformed parts or is missing required parts.",
     "Add any missing required parts or correct the malformed parts and resubmit the request.", 400},
    {"SourceDoesNotSupportProtocol", "Critical", "The other end of the connection at '%1' does not support the specified protocol %2.",
     "Change protocols or URIs.", 400},
    {"CouldNotEstablishConnection", "Critical", "The service failed to establish a connection with the URI '%1'.",
     "Ensure that the URI contains a valid and reachable node name, protocol information, and other URI components.", 400},
    {"InsufficientStorage", "Critical", "Insufficient storage or memory available to complete the request.",
     "Increase the free storage space available to the service and resubmit the request.", 507},
    {"ResourceTypeIncompatible", "Critical", "The @odata.type of the request body %1 is incompatible with the @odata.type of the resource, which is %2.",
     "Resubmit the request with a payload compatible with the resource's schema.", 400},
    {"AccountModified", "OK", "The account was successfully modified.",
     "None.", 200},
    {"StrictAccountTypes", "Warning", "The request could not be fulfilled with the account types included in property '%1' because the property "
     "StrictAccountTypes is set to true.",
     "Resubmit the request either with an acceptable set of AccountTypes and OEMAccountTypes or with StrictAccountTypes set to false.", 400},
    {"ArraySizeTooLong", "Warning", "The array provided for property %1 exceeds the size limit %2.",
     "Resubmit the request with an appropriate array size.", 400},
    {"ArraySizeTooShort", "Warning", "The array provided for property %1 is under the minimum size limit %2.",
     "Resubmit the request with an appropriate array size.", 400},
    {"InvalidIndex", "Warning", "The index %1 is not a valid offset into the array.",
     "Verify the index value provided is within the bounds of the array.", 400},
    {"GenerateSecretKeyRequired", "Critical", "The Time-based One-Time Password (TOTP) secret key for this account must be generated before access is "
     "granted.  Perform the GenerateSecretKey action at URI '%1' and retain the secret key from the response.",
     "Generate secret key for this account by performing the `GenerateSecretKey` action on the referenced URI and retaining the secret key from the "
     "action response to produce a Time-based One-Time Password (TOTP) for the `Token` property in future session creation requests.", 403},
    {"ChassisPowerStateOnRequired", "Warning", "The chassis with Id '%1' is required to be powered on to perform this request.",
     "Power on the specified chassis and resubmit the request.", 409},
    {"ChassisPowerStateOffRequired", "Warning", "The chassis with Id '%1' is required to be powered off to perform this request.",
     "Power off the specified chassis and resubmit the request.", 409},
    {"Composition.1.1.EmptyManifest", "Warning", "The provided manifest is empty or a stanza in the manifest contains no request.",
     "Provide a request content for the manifest and resubmit.", 400},
    {"Composition.1.1.UnableToProcessStanzaRequest", "Critical", "The provided manifest for the Compose action of type %1 contains a stanza with Id of value "
     "'%2' with a Content parameter that could not be processed.",
     "Add the Content parameter to the stanza or remove the stanza, and resubmit the request.", 400},
    {"Composition.1.1.ResourceBlockNotFound", "Critical", "Resource block '%1' was not found.",
     "Remove the resource block and resubmit the request.", 400},
    {"Composition.1.1.ResourceBlockInvalid", "Critical", "Resource block '%1' is not valid.",
     "Remove the resource block and resubmit the request.", 400},
    {"Composition.1.1.NoResourceMatch", "Critical", "The requested resources of type '%1' are not available for allocation.",
     "Change parameters associated with the resource, such as quantity or performance, and resubmit the request.", 409},
};

const struct pl_message *pl_messages(size_t *count)
{
  *count = sizeof MESSAGES / sizeof MESSAGES[0];
  return MESSAGES;
}

const struct pl_message *pl_message_find(const char *id)
{
  for (size_t i = 0; i < sizeof MESSAGES / sizeof MESSAGES[0]; i++)
    if (!strcmp(MESSAGES[i].id, id))
      return &MESSAGES[i];
  return NULL;
}

static struct json_object *filled_in(const struct pl_message *message, const char *const *args, size_t n_args)
{
  char text[1024];
  size_t n = 0;
  for (const char *p = message->text; *p && n + 1 < sizeof text;) {
    size_t k = p[0] == '%' && p[1] >= '1' && p[1] <= '9' ? (size_t)(p[1] - '1') : SIZE_MAX;
    if (k < n_args) {
      n += (size_t)snprintf(text + n, sizeof text - n, "%s", args[k]);
      p += 2;
    } else
      text[n++] = *p++;
  }
  return json_object_new_string_len(text, (int)(n < sizeof text ? n : sizeof text - 1));
}

struct json_object *pl_message_json(const struct pl_message *message, const char *property, const char *const *args, size_t n_args)
{
  char text[PL_URI_MAX];
  struct json_object *info = json_object_new_object(), *list = json_object_new_array();
  json_object_object_add(info, "@odata.type", json_object_new_string("#Message.v1_3_0.Message"));
  snprintf(text, sizeof text, "%s%s", strchr(message->id, '.') ? "" : BASE, message->id);
  json_object_object_add(info, "MessageId", json_object_new_string(text));
  json_object_object_add(info, "Message", filled_in(message, args, n_args));
  for (size_t i = 0; i < n_args; i++)
    json_object_array_add(list, json_object_new_string(args[i]));
  json_object_object_add(info, "MessageArgs", list);
  if (property) { /* a JSON pointer (RFC 6901) in a URI fragment */
    struct json_object *related = json_object_new_array();
    snprintf(text, sizeof text, "#/%s", property);
    json_object_array_add(related, json_object_new_string(text));
    json_object_object_add(info, "RelatedProperties", related);
  }
  json_object_object_add(info, "MessageSeverity", json_object_new_string(message->severity));
  json_object_object_add(info, "Resolution", json_object_new_string(message->resolution));
  return info;
}
