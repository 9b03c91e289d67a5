/// Backups of backups must come to an end.
extension ConfigurationCheck {
    /// How many pools may stand in for one, each for the one before.
    static let backupsInRowMaximum = 4

    func checkBackups(_ configuration: Configuration, _ reading: inout Reading) {
        var backups: [String: String] = [:]
        for pool in configuration.pools { backups[pool.name] = pool.backup }
        for pool in configuration.pools {
            guard let first = pool.backup else { continue }
            var chain = [pool.name]
            var next: String? = first
            while let name = next, !chain.contains(name), chain.count <= backups.count {
                chain.append(name)
                next = backups[name]
            }
            let text = (chain + (next.map { [$0] } ?? [])).joined(separator: " -> ")
            if next == pool.name {
                reading.report(backupMark(pool.name), "backup: it leads back to itself: \(text)")
            } else if next == nil, chain.count - 1 > ConfigurationCheck.backupsInRowMaximum {
                let most = ConfigurationCheck.backupsInRowMaximum
                reading.report(
                    backupMark(pool.name), "backup: at most \(most) in a row are possible: \(text)")
            }
        }
    }

    private func backupMark(_ pool: String) -> Mark {
        let entry = document.entry("pools")?.value.entry(pool)
        return entry?.value.entry("backup")?.value.mark ?? entry?.keyMark ?? document.mark
    }
}
