import Archives

/// Where contents of archives are kept for one run if the user's cache directory cannot be used.
final class ArchivePlace {
  private var directory: TemporaryDirectory?

  /// - Returns: the directory's path.
  func make() throws(ArchiveError) -> String {
    // Not in memory, where /tmp often is.
    for parent in ["/var/tmp", "/tmp"] {
      directory = try? TemporaryDirectory(in: parent, prefix: ".uwrx-sources-")
      if let directory { return directory.path }
    }
    throw ArchiveError(
      "there is no place to keep contents of archives: set XDG_CACHE_HOME to a directory of yours that nobody else can write"
    )
  }

  func remove() { directory?.remove() }
}
