import Testing

@testable import Network

extension DomainTable {
  mutating func require(_ domain: Domain) throws -> DomainAddresses {
    let result = assign(domain)
    return try #require(result)
  }
}
