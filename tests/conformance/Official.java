/* Official.java -- the official validator's engine (org.hl7.fhir.validation, as HAPI FHIR runs it) over the files named on
 * stdin, a line each: a JSON line each on stdout, {"file", "issues": [{"severity", "at", "line", "column", "text"}]}.
 * R4's own definitions, no network: codes of terminologies that are not in it are not asked. */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

public class Official {
    static String quoted(String s) {
        StringBuilder b = new StringBuilder("\"");
        for (char c : (s == null ? "" : s).toCharArray()) {
            if (c == '"' || c == '\\')
                b.append('\\').append(c);
            else if (c < 0x20 || c > 0x7E)
                b.append(String.format("\\u%04x", (int) c));
            else
                b.append(c);
        }
        return b.append('"').toString();
    }

    static String line(String file, FhirValidator validator) throws Exception {
        StringBuilder b = new StringBuilder("{\"file\":" + quoted(file) + ",\"issues\":[");
        String text = new String(Files.readAllBytes(Path.of(file)), StandardCharsets.UTF_8);
        String separator = "";
        try {
            for (SingleValidationMessage m : validator.validateWithResult(text).getMessages()) {
                b.append(separator).append("{\"severity\":").append(quoted(m.getSeverity().getCode()));
                b.append(",\"at\":").append(quoted(m.getLocationString()));
                b.append(",\"line\":").append(m.getLocationLine()).append(",\"column\":").append(m.getLocationCol());
                b.append(",\"text\":").append(quoted(m.getMessage())).append('}');
                separator = ",";
            }
        } catch (Throwable e) {
            b.append(separator).append("{\"severity\":\"fatal\",\"at\":\"\",\"text\":").append(quoted(e.toString())).append('}');
        }
        return b.append("]}").toString();
    }

    public static void main(String[] args) throws Exception {
        FhirContext context = FhirContext.forR4();
        UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(context);
        unknown.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING);
        FhirInstanceValidator instance = new FhirInstanceValidator(new ValidationSupportChain(
            new DefaultProfileValidationSupport(context), new InMemoryTerminologyServerValidationSupport(context),
            new CommonCodeSystemsTerminologyService(context), unknown));
        instance.setAnyExtensionsAllowed(true);
        instance.setErrorForUnknownProfiles(false);
        instance.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
        FhirValidator validator = context.newValidator().registerValidatorModule(instance);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String file; (file = in.readLine()) != null;)
            out.println(line(file, validator));
    }
}
