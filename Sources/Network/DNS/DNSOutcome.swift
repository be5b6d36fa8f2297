/// What was found out about a question.
public enum DNSOutcome: Hashable, Sendable {
  /// The name has addresses of either family: these are what a guest gets to see of them, whichever it asked for.
  case addresses(DomainAddresses)
  /// Records other than addresses, as a resolver gave them, with the aliases (CNAME) that led to them.
  case records([DNSRecord])
  /// The name exists, but has no record of that type.
  case noData
  /// NXDOMAIN.
  case noSuchName
  /// Nobody could say.
  case failure
  /// The policy does not let the name be asked for.
  case refused
}
