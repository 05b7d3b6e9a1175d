/* The verb alone as a program, for tests. */
#include "cmd/cmd.h"

int main(int argc, char **argv) { return cmd_fhir_validate(argc, argv); }
