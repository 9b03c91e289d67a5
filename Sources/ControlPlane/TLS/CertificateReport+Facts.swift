internal import Transport

extension CertificateReport {
    /// - Parameter now: seconds since 1970.
    init(
        _ files: CertificateFiles, _ facts: TLSCertificate.Facts, problem: String?, now: Int64
    ) {
        self.init()
        file = files.chain.path
        names = facts.names
        key = "\(facts.key.rawValue) \(facts.keyBits)"
        notBefore = WallClock.timestamp(seconds: facts.notBefore)
        notAfter = WallClock.timestamp(seconds: facts.notAfter)
        expiresInSeconds = Int(facts.notAfter - now)
        self.problem = problem
    }
}
