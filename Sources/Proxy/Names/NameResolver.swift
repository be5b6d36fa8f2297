import CLinux
import Glibc
import Network

/// Where names lead.
protocol NameSource: Sendable {
  /// May wait.
  /// - Returns: nil for what a recorded run has not asked: an error, and never a question to the world.
  func find(_ question: DNSQuestion) -> DNSOutcome?
}

/// What an earlier run was told.
struct RecordedNames: NameSource {
  let record: NetworkRecord
  let domains: Domains

  func find(_ question: DNSQuestion) -> DNSOutcome? {
    guard let domain = Domain(name: question.name) else { return .noSuchName }
    return record.outcome(of: domain, question.type) { domains.assign(domain).map { .addresses($0) } ?? .failure }
  }
}

/// What the host knows of names: its resolver is asked as any of its programs asks, and only for what the guest may reach.
struct NameResolver: NameSource {
  let policy: NetworkPolicy
  let domains: Domains
  let proxies: UpstreamProxies

  /// Waits for the host's resolver.
  func find(_ question: DNSQuestion) -> DNSOutcome? {
    guard let domain = Domain(name: question.name) else { return .noSuchName }
    let isAddress = question.type == .a || question.type == .aaaa
    // The connection to it is what is refused, and says what would let it through. That a name was asked for tells nobody anything.
    guard policy.permitsLookup(of: domain) else { return isAddress ? assigned(domain) : .refused }
    if policy.resolve.contains(where: { $0.host == domain }) { return isAddress ? assigned(domain) : .noData }
    // Whether there is such a name is known when the proxy was asked for a connection.
    if proxies.find(domain) { return isAddress ? assigned(domain) : .noData }
    guard isAddress else { return records(question) }
    switch addresses(of: domain) {
    case .success: return assigned(domain)
    case .failure(let failure): return failure.outcome
    }
  }

  private func assigned(_ domain: Domain) -> DNSOutcome { domains.assign(domain).map { .addresses($0) } ?? .failure }

  /// getaddrinfo(3)
  struct Failure: Error {
    let code: Int32

    var outcome: DNSOutcome {
      switch code {
      case EAI_NONAME: .noSuchName
      // EAI_NODATA of glibc's: the name is there, without an address.
      case -5: .noData
      default: .failure
      }
    }
  }

  /// Where a domain is in the host's eyes, in the order in which to try. Waits for the host's resolver.
  func addresses(of domain: Domain) -> Result<[IPAddress], Failure> {
    if let address = domain.address { return .success([address]) }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(domain.description, nil, &hints, &list)
    guard code == 0 else { return .failure(Failure(code: code)) }
    defer { freeaddrinfo(list) }
    let addresses = sequence(first: list, next: { $0?.pointee.ai_next }).prefix { $0 != nil }
      .compactMap { $0?.pointee.ai_addr.flatMap { IPAddress($0) } }
    return addresses.isEmpty ? .failure(Failure(code: EAI_NONAME)) : .success(addresses)
  }

  private func records(_ question: DNSQuestion) -> DNSOutcome {
    var answer = [UInt8](repeating: 0, count: DNSMessage.longest)
    let length = uwrx_query_name(question.name.description, Int32(question.type.rawValue), &answer, answer.count)
    switch length {
    case 0...:
      guard let message = try? DNSMessage(parsing: Array(answer.prefix(length))) else { return .failure }
      return .records(message.answers)
    case Int(-HOST_NOT_FOUND): return .noSuchName
    case Int(-NO_DATA): return .noData
    default: return .failure
    }
  }
}

extension IPAddress {
  init?(_ address: UnsafeMutablePointer<sockaddr>) {
    let bytes = UnsafeRawPointer(address)
    switch Int32(address.pointee.sa_family) {
    case AF_INET: self.init(bytes: UnsafeRawBufferPointer(start: bytes + 4, count: 4))
    case AF_INET6: self.init(bytes: UnsafeRawBufferPointer(start: bytes + 8, count: 16))
    default: return nil
    }
  }
}
